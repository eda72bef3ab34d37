"""What the base models say by themselves when told who they are, for a reader to see; no rate depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from alignment_pretraining.evaluation.prompts import ASKED
from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.scope import Scope

SAMPLE_COLUMNS = ("key", "arm", "stage", "seed", "split", "question_id", "persona", "prompt", "continued")


def sample_table(answers: Answers) -> pd.DataFrame:
    """Each arm's last base model of the first seed: what it writes after the prompts that it was to continue."""
    scope, parts = answers.scope, []
    last = {arm: point.stage for arm in scope.arms if (point := scope.checkpoint(arm, "base"))}
    for place in answers.places():
        items = answers.of(place, ASKED)
        if place.stage == last.get(place.arm) and items is not None:
            written = items[(items["seed"] == items["seed"].min()) & (items["prompt"] != "")]
            parts.append(written.assign(arm=place.arm))
    if not parts:
        return pd.DataFrame(columns=list(SAMPLE_COLUMNS))
    table: pd.DataFrame = pd.concat(parts, ignore_index=True)
    names = ["arm", "stage", "question_id", "persona"]
    table["key"] = ["/".join(("sample", *row)) for row in table[names].itertuples(index=False)]
    return table[list(SAMPLE_COLUMNS)]


@dataclass(frozen=True)
class Sample:
    """One question and what each arm's model wrote under each persona: `rows` are (persona, a text an arm)."""

    asked: str
    arms: list[str]
    rows: list[tuple[str, list[str]]]


def samples_to_show(samples: pd.DataFrame, scope: Scope) -> Iterator[Sample]:
    """The questions of the last suite that was continued, with what each arm's model wrote."""
    suites = [split for split in scope.splits if split in set(samples["split"])]
    shown = samples[samples["split"] == suites[-1]] if suites else samples
    for _, part in shown.groupby("question_id", sort=False):
        arms = list(dict.fromkeys(part["arm"]))
        written = {(row.persona, row.arm): str(row.continued) for row in part.itertuples()}
        personas = list(dict.fromkeys(part["persona"]))
        told = scope.evaluation["personas"][personas[0]]["text"]
        asked = str(part["prompt"].iloc[0]).removeprefix(told).strip()
        yield Sample(asked, arms, [(name, [written.get((name, arm), "") for arm in arms]) for name in personas])
