"""What it takes to give checkpoints their benchmarks: downloads and GPU-hours, before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alignment_pretraining.core import hub
from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.evaluation.capability.config import Capability, CapabilityTask
from alignment_pretraining.evaluation.capability.tasks import FILES
from alignment_pretraining.planning.evaluation import STEP_SECONDS
from alignment_pretraining.planning.numbers import significant
from alignment_pretraining.pretraining.nanotron.cluster import Gpu
from alignment_pretraining.pretraining.nanotron.memory import GB
from alignment_pretraining.study import Study


@dataclass(frozen=True)
class Size:
    """Of a benchmark: tasks in it, questions in all, passes over a prompt, tokens of a question with its answer, and
    tokens that are written at most."""

    tasks: int
    questions: int
    passes: int
    tokens: int
    written: int


# Questions are the datasets' own, by their cards; tokens are estimates. Letters, which mmlu asks for, take one pass.
SIZES = {
    "arc_easy": Size(1, 2_376, 4, 40, 0),
    "cute": Size(14, 14_000, 1, 180, 64),
    "everyday_facts": Size(1, 226, 4, 30, 0),
    "gsm8k": Size(1, 1_319, 1, 170, 256),
    "ifeval": Size(1, 541, 1, 60, 1_280),
    "mmlu": Size(57, 14_042, 1, 110, 0),
    "piqa": Size(1, 1_838, 2, 50, 0),
    "popqa": Size(1, 14_267, 1, 25, 32),
}


@dataclass(frozen=True)
class BenchmarkCost:
    """One benchmark of one checkpoint; numbers are None where they are not known."""

    name: str
    questions: int | None
    read: int | None
    steps: int | None
    fetched: int | None
    commit: str | None

    def hours(self, parameters: int, gpu: Gpu) -> float | None:
        """Of a model on the GPU: reading at the assumed MFU, writing by steps of `generate`."""
        if self.read is None or self.steps is None:
            return None
        return (2 * parameters * self.read / (gpu.peak_tflops * 1e12 * gpu.mfu) + self.steps * STEP_SECONDS) / 3600


def benchmark_costs(capability: Capability) -> list[BenchmarkCost]:
    """A cost for each benchmark, in their order."""
    return [_cost(name, task, capability) for name, task in capability.tasks.items()]


def models_of(study: Study) -> list[tuple[str, int | None]]:
    """Each checkpoint that is given benchmarks, and its parameters where they are known."""
    trained = [str(run.label(seed)) for run in study.stage_runs() for seed in study.seeds_of(run)]
    elsewhere = [(name, one.parameters) for name, one in study.checkpoints.items()]
    return [*((name, parameter_count(study.model)) for name in trained), *elsewhere]


def _cost(name: str, task: CapabilityTask, capability: Capability) -> BenchmarkCost:
    held = hub.held(task.hub, task.revision, "dataset", FILES) if task.hub and task.revision else None
    fetched = held.total - held.here if held else None if task.hub else 0
    commit = held.commit if held else None
    size = SIZES.get(name)
    if size is None:
        return BenchmarkCost(name, None, None, None, fetched, commit)
    questions = min(size.questions, capability.limit * size.tasks) if capability.limit else size.questions
    read = questions * size.passes * size.tokens * (task.shots + 1)
    return BenchmarkCost(name, questions, read, -(-questions // capability.batch_size) * size.written, fetched, commit)


def benchmark_tables(study: Study, capability: Capability, gpu: Gpu | None) -> Any:
    """The plan for a terminal."""
    from rich.console import Group
    from rich.table import Table

    costs, models = benchmark_costs(capability), models_of(study)
    table = Table(title="Benchmarks of one checkpoint", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for head in ("shots", "questions", "tokens read", "steps written", "fetch, GB"):
        table.add_column(head, justify="right", no_wrap=True)
    for cost in costs:
        fetched = "?" if cost.fetched is None else significant(cost.fetched / GB, 2)
        numbers = ("?" if one is None else f"{one:,}" for one in (cost.questions, cost.read, cost.steps))
        table.add_row(cost.name, str(capability.tasks[cost.name].shots), *numbers, fetched)
    return Group(table, "", _total(costs, models, gpu), *_to_pin(costs, capability))


def _total(costs: list[BenchmarkCost], models: list[tuple[str, int | None]], gpu: Gpu | None) -> str:
    hours = [cost.hours(size, gpu) if gpu and size else None for _, size in models for cost in costs]
    known = [one for one in hours if one is not None]
    if gpu is None or not known:
        return f"{len(models)} checkpoints. GPU-hours: give the environment a `gpu`, and checkpoints `parameters`."
    total = significant(sum(known), 2)
    price = f"{sum(known) * gpu.price_per_hour:,.0f} {gpu.currency}"
    unknown = "" if len(known) == len(hours) else "; benchmarks of unknown size come on top"
    return f"{len(models)} checkpoints: at most {total} hours of {gpu.name}, {price} (assumed){unknown}."


def _to_pin(costs: list[BenchmarkCost], capability: Capability) -> list[str]:
    """The commits of revisions that may come to mean something else."""
    moving = [cost for cost in costs if cost.commit and cost.commit != capability.tasks[cost.name].revision]
    return ["Revisions to pin:"] * bool(moving) + [f"  {cost.name}: {cost.commit}" for cost in moving]
