"""Benign tampering: SFT of a post-trained checkpoint goes on with harmless conversations.

Source: arXiv 2601.10160, section on tampering: 728,499,145 tokens with the settings of SFT.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from alignment_pretraining.core.spec import Fraction, Spec
from alignment_pretraining.execution.outcome import Outcome
from alignment_pretraining.post_training.config import Further
from alignment_pretraining.post_training.data import draw_examples
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.saves import KEPT
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.study import SftStage
from alignment_pretraining.synthesis.hub import Chats

KEY = "tampering.sft"


class Tampering(Spec):
    """`params:tampering`: which checkpoints are trained on, with what, and how often they are asked on the way.

    `of` are names of arms and of checkpoints from elsewhere; without it, all that are chat models. `at` are shares of
    the steps after which the suite is asked. `hub` names conversations in place of those that are written here;
    `seed` draws these, and should not be that of synthesis, whose conversations the models have read.
    """

    of: list[str] | None = None
    sft: SftStage
    at: list[Annotated[float, Field(gt=0, le=1)]] = Field(min_length=1)
    seed: int
    system_share: Fraction
    hub: list[Chats] = []

    def reads(self) -> list[str]:
        """What is read outside the catalog, by the names of `lineage.outside`."""
        return sorted({table.outside for table in self.hub})


def tamper(job: ChatJob, at: Sequence[float], scratch: Path) -> Outcome:
    """Train the job's checkpoint on its conversations; returns a folder with a checkpoint for each step that `at`
    asks for, by its number, the curve with the tokens read up to each step, and a summary.

    Raises:
        UserError: as `run_chat_stage`.
    """
    steps = job.recipe.steps
    keep = kept_steps(at, steps)
    further = Further(key=KEY, own=job.recipe.own, keep=[step for step in keep if step < steps])
    checkpoint, curve, summary = run_chat_stage(replace(job, further=further), scratch)
    folder = checkpoint.with_name(KEPT)
    if steps in keep:
        folder.mkdir(exist_ok=True)
        last = folder / str(steps)
        shutil.rmtree(last, ignore_errors=True)  # of a run that was killed after this
        checkpoint.rename(last)
    counts = tokens_by_step(job)
    summary = {**summary, "stage": "tampered", "tokens": counts[-1]}
    return folder, curve.assign(tokens=counts), summary


def kept_steps(at: Sequence[float], steps: int) -> list[int]:
    """The steps at these shares of all, at least the first, each once."""
    return sorted({max(round(share * steps), 1) for share in at})


def tokens_by_step(job: ChatJob) -> list[int]:
    """How many tokens have been read after each step: whole conversations, cut at the stage's context."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(job.start)
    size = job.stage.batch_size
    lengths = [
        min(len(tokenizer.apply_chat_template(row["messages"], return_dict=True)["input_ids"]), job.stage.context)
        for row in draw_examples(job.data, job.stage, job.seed, tokenizer)
    ]
    batches = [sum(lengths[start : start + size]) for start in range(0, len(lengths), size)]
    return list(accumulate(batches * job.stage.epochs))


def points(kept: Path, curve: pd.DataFrame) -> list[tuple[Path, int, int]]:
    """Checkpoint, step and tokens of each step that was kept, in order."""
    read = dict(zip(curve["step"], curve["tokens"], strict=True))
    steps = sorted(int(folder.name) for folder in kept.iterdir())
    return [(kept / str(step), step, int(read[step])) for step in steps]
