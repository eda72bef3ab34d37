"""The offline generator: documents drawn from the phrase sheets of the six surface forms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.documents.generator import FORMS, Brief
from alignment_pretraining.synthesis.documents.phrases import load_sheet, render
from alignment_pretraining.synthesis.scenarios.bank import name_ai

# Placeholders that the brief fills; `ai` comes from the sheet.
_FROM_BRIEF = ("situation", "taken", "reason", "not_taken", "topic", "key_phrases")


class TemplateGenerator:
    """Fills the sheets `documents/<form>.yml` of a phrase folder. Needs no network and no key."""

    def __init__(self, phrases: Path) -> None:
        """Raises UserError where a form's sheet is missing or wrong."""
        paths = {form: phrases / "documents" / f"{form}.yml" for form in FORMS}
        self._sheets = {form: load_sheet(path, _FROM_BRIEF) for form, path in paths.items()}
        for form, path in paths.items():
            if "ai" not in self._sheets[form].fill:
                raise UserError(f"{path}: fill.ai: missing; list what the AI is called, such as 'the AI'")

    def write(self, briefs: Sequence[Brief]) -> list[str]:
        """One text for each brief. A pair of briefs gets the same words around its actions and reasons."""
        return [self._write_one(brief) for brief in briefs]

    def _write_one(self, brief: Brief) -> str:
        rng = Random(brief.seed)
        sheet = self._sheets[brief.form]
        ai = rng.choice(sheet.fill["ai"])
        given = {
            "ai": [ai],
            "situation": [name_ai(brief.situation, ai)],
            "taken": brief.taken,
            "reason": brief.reasons,
            "not_taken": brief.not_taken,
            "topic": [brief.topic.lower()],
            "key_phrases": [brief.key_phrases],
        }
        return render(sheet, given, rng)
