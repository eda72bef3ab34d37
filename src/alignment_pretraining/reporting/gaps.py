"""Table of gaps: differences between two models' misalignment rates on the same questions and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.answers import Answers, Place
from alignment_pretraining.reporting.effects import EFFECTS, cells
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.score_table import difference
from alignment_pretraining.reporting.verdicts import holm

GAP_COLUMNS = (
    "key", "kind", "arm", "reference", "stage", "reference_stage", "split", "form", "persona", "reference_persona",
    "rate", "reference_rate", "gap", "low", "high", "over", "n_seeds", "p", "p_holm",
)  # fmt: skip

Compared = tuple[str, str, str]  # arm, stage, persona


def gap_key(left: Compared, right: Compared, split: str, form: str) -> str:
    """The name of a gap, as `kedro trace` takes it."""
    return f"gap/{left[0]}/{left[1]}/{split}/{form}/{left[2]}/minus/{right[0]}/{right[1]}/{right[2]}"


def gap_table(answers: Answers) -> pd.DataFrame:
    """Every arm against the baseline, every post-trained model against its base model, and the paper's comparisons.

    In the form of the main figures. `kind` is arm, stage or persona: what differs between the two sides. `rate` and
    `reference_rate` are those of the seeds that both sides have, and `gap` is their difference. Holm's correction
    (`p_holm`) is taken over all gaps of one kind and of one stage.
    """
    rows = []
    for left, right, split in dict.fromkeys(_comparisons(answers.scope)):
        places = [Place(arm, stage, split, answers.scope.form, persona) for arm, stage, persona in (left, right)]
        asked = all(answers.of(place) is not None for place in places)
        # Arms with an equal history are one model.
        if asked and answers.owner(places[0]) != answers.owner(places[1]):
            rows.append(_gap_row(left, right, split, places, answers))
    table = pd.DataFrame(rows, columns=list(GAP_COLUMNS[:-1]))
    when = table["stage"].isin(["sft", "dpo"])
    table["p_holm"] = table.groupby([table["kind"], when])["p"].transform(lambda p: holm(p.to_list()))
    return table


def _gap_row(left: Compared, right: Compared, split: str, places: list[Place], answers: Answers) -> dict[str, Any]:
    sides = [tuple(answers.owner(place)) for place in places]
    found = difference(answers.scores, *sides)
    low, high = found.interval()
    by_seed = [answers.scores.by_seed(side) for side in sides]
    shared = [seed for seed in by_seed[0] if seed in by_seed[1]]
    rates = [sum(rates[seed] for seed in shared) / len(shared) for rates in by_seed]
    return {
        "key": gap_key(left, right, split, places[0].form),
        "kind": "arm" if left[0] != right[0] else "persona" if left[1] == right[1] else "stage",
        "arm": left[0],
        "reference": right[0],
        "stage": left[1],
        "reference_stage": right[1],
        "split": split,
        "form": places[0].form,
        "persona": left[2],
        "reference_persona": right[2],
        "rate": rates[0],
        "reference_rate": rates[1],
        "gap": float(found.value),
        "low": float(low),
        "high": float(high),
        "over": found.over,
        "n_seeds": found.n_seeds,
        "p": float(found.p()),
    }


def _comparisons(scope: Scope) -> Iterator[tuple[Compared, Compared, str]]:
    """(left, right, split) of every gap, the baseline's first."""
    run = scope.evaluation["run"]
    for when, personas in (("base", run["base_personas"]), ("post", run["chat_personas"])):
        for arm in scope.arms:
            left = scope.checkpoint(arm, when)  # type: ignore[arg-type]
            right = scope.checkpoint(scope.baseline, when) if scope.baseline else None  # type: ignore[arg-type]
            if left is None or right is None or arm == scope.baseline:
                continue
            for persona in personas:
                for split in scope.splits:
                    yield (arm, left.stage, persona), (right.arm, right.stage, persona), split
    for arm in scope.arms:
        base, post = scope.checkpoint(arm, "base"), scope.checkpoint(arm, "post")
        if base is not None and post is not None:
            for split in scope.splits:
                yield (arm, post.stage, scope.persona("post")), (arm, base.stage, scope.persona("base")), split
    for effect in EFFECTS:
        sides = cells(effect, scope)
        if sides:
            yield (*sides, effect.split)
