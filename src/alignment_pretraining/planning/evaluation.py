"""What it takes to evaluate checkpoints from elsewhere: downloads, disk, memory and GPU-hours, before it begins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core import hub
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.checkpoints import FILES
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.own_suites import SUFFIXES
from alignment_pretraining.evaluation.suite_sources import SuiteSource, SuiteSources, read_suites
from alignment_pretraining.planning.numbers import significant
from alignment_pretraining.pretraining.nanotron.cluster import Gpu
from alignment_pretraining.pretraining.nanotron.memory import GB
from alignment_pretraining.study import Checkpoint, Study

# Of English text in a vocabulary of 50,000; of a question with its options, while the suite is not here.
CHARACTERS_A_TOKEN, TOKENS_A_QUESTION = 4, 200
# A step of transformers' `generate` on a 7B model: an assumption, to be replaced by what the GPU at hand takes.
STEP_SECONDS = 0.04
# Of a row of answers in Parquet, most of it a hash (measured); what is written comes on top.
ROW_BYTES, CHARACTERS_A_REPLY = 80, 1000
# Beside the weights and the cache of keys and values: activations and logits.
RESERVE = 1.2

_BYTES = {"float32": 4, "bfloat16": 2}


@dataclass(frozen=True)
class Questions:
    """How many questions are asked, the mean tokens of one, and where these numbers are from."""

    count: int
    tokens: float
    source: str


@dataclass(frozen=True)
class CheckpointCost:
    """One checkpoint. Bytes of its files, in all and still to be fetched (None: not known); hours are of the GPU."""

    name: str
    place: str
    commit: str | None
    parameters: int | None
    size: int | None
    fetched: int | None
    memory: float | None
    prompts: int
    replies: int
    scoring_hours: float | None
    writing_hours: float | None

    @property
    def hours(self) -> float | None:
        """Of scoring and writing together."""
        return None if self.scoring_hours is None else self.scoring_hours + (self.writing_hours or 0)


@dataclass(frozen=True)
class EvaluationPlan:
    """All checkpoints of the study, and what they are asked."""

    checkpoints: list[CheckpointCost]
    questions: Questions
    suite_bytes: int | None
    batch_size: int

    def total(self, what: Callable[[CheckpointCost], float | None]) -> float | None:
        """The sum over all checkpoints, None where one is not known."""
        values = [what(cost) for cost in self.checkpoints]
        return None if None in values else float(sum(value for value in values if value is not None))


def make_evaluation_plan(
    study: Study, evaluation: Evaluation, sources: SuiteSources, gpu: Gpu | None, made: pd.DataFrame | None
) -> EvaluationPlan:
    """The plan for all checkpoints from elsewhere; `made` are the study's own questions, if there are any.

    Shared beginnings are counted again for each prompt: scoring takes no longer than this at the assumed MFU.
    """
    questions, suite_bytes = _questions(sources, evaluation, made)
    costs = [_cost(name, one, evaluation, questions, gpu) for name, one in study.checkpoints.items()]
    return EvaluationPlan(costs, questions, suite_bytes, evaluation.batch_size)


def _cost(
    name: str, checkpoint: Checkpoint, evaluation: Evaluation, questions: Questions, gpu: Gpu | None
) -> CheckpointCost:
    held = _held(checkpoint)
    parameters = checkpoint.parameters or (held.total // 2 if held else None)
    prompts, replies, tokens = 0, 0, 0.0
    for protocol in evaluation.protocols(chat=checkpoint.chat):
        asked = questions.count * _prompts_a_question(evaluation.asked_by(protocol), chat=checkpoint.chat)
        if protocol == "generated":
            replies += asked
        else:
            prompts += asked
        tokens += asked * questions.tokens
    scoring = None
    if gpu and parameters:
        scoring = 2 * parameters * tokens / (gpu.peak_tflops * 1e12 * gpu.mfu) / 3600
    steps = -(-replies // evaluation.batch_size) * evaluation.generation.tokens
    estimated = parameters * 2 if parameters else None
    return CheckpointCost(
        name=name,
        place=checkpoint.folder or f"{checkpoint.hub}@{checkpoint.revision}",
        commit=held.commit if held else None,
        parameters=parameters,
        size=held.total if held else estimated,
        fetched=held.total - held.here if held else 0 if checkpoint.folder else estimated,
        memory=_memory(parameters, evaluation, questions, writes=replies > 0) if parameters else None,
        prompts=prompts,
        replies=replies,
        scoring_hours=scoring,
        writing_hours=steps * STEP_SECONDS / 3600 if gpu else None,
    )


def _memory(parameters: int, evaluation: Evaluation, questions: Questions, *, writes: bool) -> float:
    """Bytes on the GPU: weights, and keys and values of the replies that are written together.

    These are 2 x layers x width a token; N = 12 x layers x width^2, with a layer for each 128 of width (Pythia-6.9B).
    """
    width = math.cbrt(parameters * 128 / 12)
    tokens = evaluation.batch_size * (questions.tokens + evaluation.generation.tokens) if writes else 0
    return (parameters + tokens * 2 * width**2 / 128) * _BYTES[evaluation.dtype] * RESERVE


def _held(checkpoint: Checkpoint) -> hub.Holding | None:
    if checkpoint.folder is None:
        assert checkpoint.hub is not None and checkpoint.revision is not None, "the study's specification sees to it"
        return hub.held(checkpoint.hub, checkpoint.revision, "model", FILES)
    folder = Path(checkpoint.folder)
    if not folder.is_dir():
        return None
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return hub.Holding(size, size, None)


def _prompts_a_question(evaluation: Evaluation, *, chat: bool) -> int:
    personas = evaluation.personas_for(chat=chat)
    under = len([name for name in list(personas)[1:] if name in evaluation.run.control_personas])
    cells = len(personas) + sum(1 if control == "choice_only" else 1 + under for control in evaluation.run.controls)
    return cells * len(evaluation.formats())


def _questions(
    sources: SuiteSources, evaluation: Evaluation, made: pd.DataFrame | None
) -> tuple[Questions, int | None]:
    held = [_suite_held(source) for source in sources.root.values()]
    size = sum(one.total - one.here for one in held if one) if all(held) else None
    try:
        here = all(one is not None and one.here for one in held)
        rows = read_suites(sources) if here and held else pd.DataFrame()
    except UserError:  # the run says what is wrong with it
        rows = pd.DataFrame()
    rows = pd.concat([rows, made], ignore_index=True) if made is not None else rows
    if len(rows):
        counts = {split: (rows["split"] == split).sum() for split in evaluation.run.items}
        count = sum(min(n or counts[split], counts[split]) for split, n in evaluation.run.items.items())
        columns = ["passage", "question", "aligned_option", "misaligned_option"]
        tokens = float(rows[columns].map(len).sum(axis=1).mean()) / CHARACTERS_A_TOKEN
        return Questions(int(count), tokens, "counted"), size
    count = sum(source.questions or 0 for source in sources.root.values())
    return Questions(count, TOKENS_A_QUESTION, "assumed: the suite is not here yet"), size


def _suite_held(source: SuiteSource) -> hub.Holding | None:
    if source.hub is not None and source.revision is not None:
        return hub.held(source.hub, source.revision, "dataset", [f"*{suffix}" for suffix in SUFFIXES])
    path = Path(str(source.file))
    return hub.Holding(1, 1, None) if path.exists() else None


def tables(plan: EvaluationPlan, study: Study, gpu: Gpu | None) -> Any:
    """The plan for a terminal."""
    from rich.console import Group
    from rich.table import Table

    title = f"Checkpoints of {study.name}: evaluated, not trained"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for head in ("size", "GB", "fetch", "memory", "prompts", "replies", "hours"):
        table.add_column(head, justify="right", no_wrap=True)
    for cost in plan.checkpoints:
        table.add_row(
            cost.name,
            "?" if cost.parameters is None else f"{significant(cost.parameters / 1e9, 2)}B",
            *(_short(None if number is None else number / GB) for number in (cost.size, cost.fetched, cost.memory)),
            _count(cost.prompts),
            _count(cost.replies),
            _short(cost.hours),
        )
    return Group(table, "", *_totals(plan, gpu), *_to_pin(plan))


def _totals(plan: EvaluationPlan, gpu: Gpu | None) -> list[str]:
    asked = plan.questions
    prompts, replies = (sum(getattr(cost, what) for cost in plan.checkpoints) for what in ("prompts", "replies"))
    answers = (prompts + replies) * ROW_BYTES + replies * CHARACTERS_A_REPLY
    fetched, size = plan.total(lambda cost: cost.fetched), plan.total(lambda cost: cost.size)
    lines = [
        f"{asked.count:,} questions of about {asked.tokens:,.0f} tokens ({asked.source}):",
        f"{prompts:,} prompts are scored, {replies:,} replies written.",
        f"Downloads: {_gb(fetched)} of models and {_gb(plan.suite_bytes)} of suites, into the hub's cache.",
        f"Disk: {_gb(size)} of models, {_gb(answers)} of answers at most.",
    ]
    hours = plan.total(lambda cost: cost.hours)
    if gpu is None or hours is None:
        return [*lines, "GPU-hours: give the environment a `gpu`, and checkpoints that are not here `parameters`."]
    return [
        *lines,
        f"GPU: {_short(hours)} hours of {gpu.name}, {_short(hours * gpu.price_per_hour)} {gpu.currency}; scoring at "
        f"{gpu.mfu:.0%} of {gpu.peak_tflops:,.0f} TFLOP/s,",
        f"writing in steps of {STEP_SECONDS * 1000:.0f} ms, {plan.batch_size} replies at a time (assumed).",
        *(f"{name}: {source}" for name, source in gpu.sources.items()),
    ]


def _to_pin(plan: EvaluationPlan) -> list[str]:
    """The commits of revisions that may come to mean something else."""
    moving = [cost for cost in plan.checkpoints if cost.commit and not cost.place.endswith(cost.commit)]
    return ["Revisions to pin:"] * bool(moving) + [f"  {cost.name}: {cost.commit}" for cost in moving]


def _count(number: int) -> str:
    return f"{number / 1000:,.0f}k" if number >= 10_000 else f"{number:,}"


def _short(value: float | None) -> str:
    return "?" if value is None else "0" if value == 0 else f"{value:,.0f}" if value >= 100 else significant(value, 2)


def check_memory(plan: EvaluationPlan, gpu: Gpu | None) -> None:
    """Refuse what does not fit.

    Raises:
        UserError: a checkpoint needs more memory than the GPU has.
    """
    for cost in plan.checkpoints:
        if gpu and cost.memory and cost.memory > gpu.memory_gb * GB:
            raise UserError(
                f"study.checkpoints.{cost.name} needs about {cost.memory / GB:.0f} GB, the {gpu.name} has "
                f"{gpu.memory_gb:g}; set evaluation.dtype to bfloat16 or take a larger GPU"
            )


def _gb(number: float | None) -> str:
    return "of unknown size" if number is None else f"{_short(number / GB)} GB"
