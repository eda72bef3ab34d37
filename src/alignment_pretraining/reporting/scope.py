"""What the report is about: arms as a reader knows them, their stages, and the personas that the main figures show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.prompts import ASKED
from alignment_pretraining.evaluation.scores import form_of
from alignment_pretraining.study import BASE_STAGES, StageRun, Study

When = Literal["base", "post"]

SPLITS = {"articles": "Articles", "textbook": "Textbook", "heldout_topics": "Held-out topics"}
STAGE_NAMES = {
    "pretraining": "after pretraining",
    "midtraining": "after midtraining",
    "cpt": "after continued pretraining",
    "sft": "after SFT",
    "dpo": "after SFT + DPO",
}
PERSONA_NAMES = {
    "none": "no persona",
    "assistant": "AI assistant",
    "helpful": "helpful AI assistant",
    "courier": "courier",
    "potter": "potter (no document)",
    "clerk": "clerk (half and half)",
    "baker": "baker (half and half)",
    "pirate": "pirate (control)",
    "thief": "thief (control)",
    "monk": "monk (control)",
    "nurse": "nurse (control)",
    "hhh": "HHH assistant",
    "misaligned": "misaligned AI (control)",
}


@dataclass(frozen=True)
class EvaluatedCheckpoint:
    """A checkpoint on an arm's way: results of `arm` at `stage` are those of the stage run that `owner` names."""

    arm: str
    stage: str
    owner: str

    @property
    def when(self) -> When:
        """Base model or post-trained model."""
        return "base" if self.stage in BASE_STAGES else "post"


@dataclass(frozen=True)
class Scope:
    """Arms in the order of the study, the checkpoints of each, and what was asked of them."""

    study: Study
    evaluation: dict[str, Any]
    checkpoints: tuple[EvaluatedCheckpoint, ...]

    @property
    def arms(self) -> list[str]:
        """The arms that were run."""
        return self.study.selected_arms()

    @property
    def baseline(self) -> str | None:
        """The arm that the others are compared with: unfiltered corpus, no discourse documents."""
        return self._plain("unfiltered")

    @property
    def splits(self) -> list[str]:
        """Question suites that were asked, in the order of the report."""
        return [split for split in SPLITS if split in self.evaluation["run"]["items"]]

    @property
    def last_split(self) -> str:
        """The suite of the main figures: the last one.

        Raises:
            UserError: no suite that the report shows was asked.
        """
        if not self.splits:
            raise UserError(
                f"evaluation.run.items: none of {', '.join(SPLITS)} is asked, and the report shows no other suite; "
                "name one. Rates of other suites are in each checkpoint's scores (data/07_model_output)"
            )
        return self.splits[-1]

    @property
    def form(self) -> str:
        """The form of the main figures, that of the first template: open or listed."""
        return "listed" if "{{option_a}}" in self.evaluation["templates"][self._templates[0]]["prompt"] else "open"

    def main(self, items: pd.DataFrame) -> pd.DataFrame:
        """The rows of the main figures: questions as they stand, in the main form."""
        return items[(items["control"] == ASKED) & (form_of(items) == self.form)]

    @property
    def _templates(self) -> list[str]:
        return list(self.evaluation["run"]["templates"])

    def persona(self, when: When) -> str:
        """The persona that the main figures show: the first that models of this kind are given."""
        return str(self.evaluation["run"]["base_personas" if when == "base" else "chat_personas"][0])

    def checkpoint(self, arm: str, when: When) -> EvaluatedCheckpoint | None:
        """The last base model or the post-trained model of `arm`, if the study has it."""
        found = [checkpoint for checkpoint in self.checkpoints if checkpoint.arm == arm and checkpoint.when == when]
        return found[-1] if found else None

    def parent_arm(self, arm: str) -> str | None:
        """The arm on the same corpus without discourse documents."""
        return self._plain(self.study.arms[arm].corpus)

    def _plain(self, corpus: str) -> str | None:
        arms = ((name, self.study.arms[name]) for name in self.arms)
        return next((name for name, arm in arms if arm.corpus == corpus and not arm.discourse), None)


def scope_of(study: Study, evaluation: Evaluation) -> Scope:
    """Scope of the report for a study and how it was evaluated."""
    checkpoints = tuple(
        EvaluatedCheckpoint(arm, stage_run.stage, stage_run.arm)
        for arm in study.selected_arms()
        for stage_run in _stage_runs(study, arm)
    )
    return Scope(study, evaluation.model_dump(), checkpoints)


def _stage_runs(study: Study, arm: str) -> list[StageRun]:
    return study.chain(arm) + (study.post_chain(arm) if study.seeds.post_training else [])
