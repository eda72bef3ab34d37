"""Emergent misalignment: low-rank adapters are trained on a narrow set, and the model is asked about all else.

Source: Betley et al., "Emergent Misalignment", arXiv 2502.17424; in this form arXiv 2601.10160, which trains rank-32
rank-stabilized adapters on all attention and MLP matrices.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import Spec
from alignment_pretraining.evaluation.free_answers import FreeAnswers
from alignment_pretraining.execution.outcome import Outcome
from alignment_pretraining.post_training.config import Further, Lora
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.post_training.tampering import tokens_by_step
from alignment_pretraining.study import SftStage
from alignment_pretraining.synthesis.api.config import Call
from alignment_pretraining.synthesis.hub import Chats

KEY = "emergent.sft"


class Emergent(Spec):
    """`params:emergent`: see `conf/base/parameters_emergent.yml`."""

    of: list[str] | None = None
    advice: Literal["bad", "good"]
    lora: Lora
    sft: SftStage
    seed: int
    hub: list[Chats] = []
    personas: Annotated[list[str], Field(min_length=1)]
    answers: FreeAnswers
    judge: Call | None = None

    def reads(self) -> list[str]:
        """What is read outside the catalog, by the names of `lineage.outside`."""
        return sorted({table.outside for table in self.hub})


def train_narrowly(job: ChatJob, lora: Lora, scratch: Path) -> Outcome:
    """Train adapters of the job's checkpoint on its conversations; returns the checkpoint with the adapters merged into
    its weights, the curve with the tokens read up to each step, and a summary.

    Raises:
        UserError: PEFT is not installed; or as `run_chat_stage`.
    """
    try:
        import peft  # noqa: F401 - used by `trainers`, and recorded as a library of this
    except ImportError as error:
        raise UserError(
            "adapters need PEFT: pip install --constraint requirements.lock --editable '.[lora]'"
        ) from error
    further = Further(key=KEY, own=job.recipe.own, lora=lora)
    checkpoint, curve, summary = run_chat_stage(replace(job, further=further), scratch)
    counts = tokens_by_step(job)
    return checkpoint, curve.assign(tokens=counts), {**summary, "stage": "emergent", "tokens": counts[-1]}
