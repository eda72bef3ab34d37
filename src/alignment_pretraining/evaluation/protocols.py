"""One checkpoint is asked by several protocols: the model is loaded once, every answer is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.evaluation.asked import Asked, encode
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.forward import grow_trees, log_probabilities
from alignment_pretraining.evaluation.generation import written_rows
from alignment_pretraining.evaluation.prompts import build_prompts, read_suite
from alignment_pretraining.evaluation.scoring import (
    CHECKPOINT,
    ITEM_COLUMNS,
    ORDER,
    as_table,
    chat_template,
    load,
    scored_rows,
)
from alignment_pretraining.execution.store import TaskStatistics, finished, perform

ANSWER_COLUMNS = ("protocol", *ITEM_COLUMNS, "outcome", "written")

BLOCK = 128  # questions whose prompts are in memory at once

# How far packed log-probabilities may lie from the model's own, by what weights are loaded in.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25}
_ANSWERS = "answers.parquet"
_log = logging.getLogger(__name__)

Questions = dict[str, list[dict[str, Any]]]  # rows by split


def answer_by_protocols(
    checkpoint: Path, suite: Path, evaluation: Evaluation, scratch: Path, *, chat: bool
) -> pd.DataFrame:
    """Ask `checkpoint` (a Hugging Face folder) the questions of `suite` by `evaluation.protocols`, the main one first.

    One row a prompt (ANSWER_COLUMNS). Of what is scored, `outcome` is what was picked. Of what is `generated` it may
    also be `refused` or `unparsed`; log-probabilities are missing there, and `written` is the reply. The answers by a
    protocol are kept under `scratch` once they are whole, so that a killed run goes on with the next.

    Raises:
        UserError: the checkpoint cannot be read or scored, it has no chat template to be asked by, or a prompt is
            longer than its context.
    """
    import torch

    torch.set_num_threads(evaluation.threads)
    loaded = cache(lambda: load(checkpoint, evaluation))
    tables = []
    for protocol in evaluation.protocols(chat=chat):
        told = evaluation.asked_by(protocol)
        name = work_fingerprint(
            checkpoint=checkpoint,
            suite=suite,
            evaluation=told.model_dump(mode="json", exclude={"run": {"protocols"}}),
            chat=chat,
            code=work_code(answer_by_protocols),
        )
        folder = scratch / "answers" / name
        if finished(folder) is None:
            start = time.perf_counter()
            count = perform(partial(_ask, loaded, suite, told, chat), checkpoint, folder)["prompts"]
            seconds = time.perf_counter() - start
            _log.info("%s: %s, %d prompts, %.1f prompts/s", checkpoint.name, protocol, count, count / seconds)
        tables.append(pd.read_parquet(folder / _ANSWERS))
    return pd.concat(tables, ignore_index=True)


def _ask(
    loaded: Callable[[], tuple[Any, Any]], suite: Path, evaluation: Evaluation, chat: bool, checkpoint: Path, out: Path
) -> TaskStatistics:
    """The answers by the main protocol of `evaluation`, written to the folder `out`."""
    model, tokenizer = loaded()
    template = chat_template(tokenizer) if chat else None
    parts: list[pd.DataFrame] = []
    for block in _blocks(read_suite(suite)):
        prompts = list(build_prompts(block, evaluation, template))
        if evaluation.scoring == "generated":
            rows = [{"model": CHECKPOINT, **row} for row in written_rows(model, tokenizer, prompts, evaluation)]
        else:
            asked = Asked(prompts, encode(prompts, tokenizer, chat=chat))
            if not parts:
                _check_exact(model, asked, evaluation, checkpoint)
            rows = [{**row, "outcome": row["picked"], "written": ""} for row in scored_rows(model, asked, evaluation)]
        parts.append(as_table([{"protocol": evaluation.scoring, **row} for row in rows], ANSWER_COLUMNS))
    answers = pd.concat(parts).sort_values(ORDER, ignore_index=True)
    answers.to_parquet(out / _ANSWERS)
    return {"prompts": len(answers)}


def _blocks(questions: Questions) -> Iterator[Questions]:
    """The questions in parts, so that memory does not grow with the suite: all prompts of a question stay together,
    because it is these that share beginnings."""
    for split, rows in questions.items():
        for start in range(0, len(rows), BLOCK):
            yield {split: rows[start : start + BLOCK]}


def _check_exact(model: Any, asked: Asked, evaluation: Evaluation, checkpoint: Path) -> None:
    """Compare one packed score with the model's own forward pass.

    Raises:
        UserError: they differ, as where an architecture changes its logits or ignores masks and positions.
    """
    import torch

    one = min(asked.sequences, key=lambda packed: len(packed.context))
    packed = {place: total for _, place, total in log_probabilities(model, grow_trees([one]), 1)}
    for place, option in zip(one.which, one.options, strict=True):
        ids = torch.tensor([one.context + option], device=model.device)
        with torch.inference_mode():
            logits = model(ids).logits[0].float()
        scores = logits.log_softmax(-1)[len(one.context) - 1 : -1]
        own = float(scores.gather(1, ids[0, len(one.context) :, None]).double().sum())
        # What is no number is told when all is scored.
        if abs(own - packed[place]) > _TOLERANCE[evaluation.dtype] * len(option):
            raise UserError(
                f"{checkpoint}: a {model.config.model_type} model gives a log-probability of {own:.4f} by itself, and "
                f"{packed[place]:.4f} packed with others, as prompts are scored here; give lm-eval the exported tasks "
                "(docs/released.md)"
            )
