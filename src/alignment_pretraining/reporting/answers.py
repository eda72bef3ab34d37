"""Every answer of the study's models, found by where it stands: arm, stage, suite, form, persona, control."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from alignment_pretraining.evaluation.prompts import ASKED
from alignment_pretraining.evaluation.scores import form_of
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.score_table import Scores, score_table

QUESTION_FORMS = ("open", "listed")
_PLACE = ["arm", "stage", "split", "form", "persona"]


class Place(NamedTuple):
    """What has a misalignment rate: a checkpoint that is asked a suite in a form, told that it is a persona."""

    arm: str
    stage: str
    split: str
    form: str
    persona: str

    def key(self, kind: str) -> str:
        """Its name as `kedro trace` takes it."""
        return "/".join((kind, *self))


class Answers:
    """Per-item results of checkpoints and, in `ngram`, of the n-gram models of the same arms."""

    def __init__(self, items: pd.DataFrame, scope: Scope, ngram: pd.DataFrame | None = None) -> None:
        self.scope = scope
        self._owner = {(point.arm, point.stage): point.owner for point in scope.checkpoints}
        self._items = items.assign(form=form_of(items), score=(items["picked"] == "misaligned").astype(float))
        self._cells = _groups(self._items, [*_PLACE, "control"])
        self._ngram: dict[tuple[str, ...], pd.DataFrame] = {}
        if ngram is not None and len(ngram):
            self._ngram = _groups(ngram.assign(form=form_of(ngram)), ["arm", "model", *_PLACE[2:], "control"])

    @cached_property
    def scores(self) -> Scores:
        """Scores of every place, of questions as they stand; arms that share a stage run have one place."""
        return score_table(self._items[self._items["control"] == ASKED], by=_PLACE)

    @cached_property
    def scores_by_order(self) -> Scores:
        """The same by the order of the options: cells are a place and an order."""
        asked = (self._items["control"] == ASKED) & (self._items["order"] != "none")
        return score_table(self._items[asked], by=[*_PLACE, "order"])

    def owner(self, place: Place) -> Place:
        """The place of the stage run whose results these are."""
        return place._replace(arm=self._owner.get((place.arm, place.stage), place.arm))

    def of(self, place: Place, control: str = ASKED) -> pd.DataFrame | None:
        """Rows of a place; None where nothing was asked."""
        return self._cells.get((*self.owner(place), control))

    def of_ngram(self, place: Place, trained_on: str) -> pd.DataFrame | None:
        """Rows of the n-gram model of the arm that was trained on `documents` or `stream`."""
        return self._ngram.get((place.arm, f"ngram:{trained_on}", *place[2:], ASKED))

    def forms(self) -> list[str]:
        """The forms that were asked, open first."""
        return [form for form in QUESTION_FORMS if any(key[3] == form for key in self._cells)]

    def places(self) -> Iterator[Place]:
        """Every place that was asked, in the order of the study."""
        run = self.scope.evaluation["run"]
        for point in self.scope.checkpoints:
            for split in self.scope.splits:
                for form in self.forms():
                    for persona in run["base_personas" if point.when == "base" else "chat_personas"]:
                        place = Place(point.arm, point.stage, split, form, persona)
                        if self.of(place) is not None:
                            yield place

    def main(self) -> Iterator[tuple[Place, pd.DataFrame]]:
        """Places and rows of each arm's last base model on the last suite, in the form and under the persona of the
        main figures."""
        scope = self.scope
        for arm in scope.arms:
            point = scope.checkpoint(arm, "base")
            if point:
                place = Place(arm, point.stage, scope.last_split, scope.form, scope.persona("base"))
                items = self.of(place)
                if items is not None:
                    yield place, items


def misaligned_share(items: pd.DataFrame | None) -> float | None:
    """Share of misaligned picks; None where nothing was asked."""
    return None if items is None else float((items["picked"] == "misaligned").mean())


def _groups(items: pd.DataFrame, keys: list[str]) -> dict[tuple[str, ...], pd.DataFrame]:
    return {tuple(map(str, key)): rows for key, rows in items.groupby(keys)}
