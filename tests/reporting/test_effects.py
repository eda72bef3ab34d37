"""The paper's effects: each agrees with the paper's values, and an effect that our data lack is named as absent."""

from typing import Any, NamedTuple

import lxml.html
import pytest

from alignment_pretraining.reporting.claims import Claims
from alignment_pretraining.reporting.effects import EFFECTS, PERSISTS, Effect, EffectSide, effect_verdict
from alignment_pretraining.reporting.results import Results
from alignment_pretraining.reporting.scope import scope_of
from alignment_pretraining.reporting.sections import effect_rows
from tests.reporting.made_up import Tables


class Gap(NamedTuple):
    gap: float
    low: float
    high: float
    p_holm: float


LOWER = Effect("", "V", EffectSide("aligned_e2e", "base"), EffectSide("unfiltered", "base"), "articles", -1)
LEVEL = Effect("", "V", EffectSide("filtered", "post"), EffectSide("filtered", "base"), "articles", 0)


@pytest.mark.parametrize(
    ("effect", "gap", "expected"),
    [
        (LOWER, Gap(-0.3, -0.4, -0.2, 0.01), "shows"),
        (LOWER, Gap(-0.3, -0.4, -0.2, 0.06), "not clear"),  # Holm takes it back
        (LOWER, Gap(-0.1, -0.3, 0.1, 0.01), "not clear"),
        (LOWER, Gap(0.3, 0.2, 0.4, 0.01), "opposite"),
        (LOWER, Gap(float("nan"), 0, 0, 1), "not run"),
        (LOWER, None, "not run"),
        (LEVEL, Gap(0.02, -0.1, 0.1, 1.0), "shows"),
        (LEVEL, Gap(0.3, 0.2, 0.4, 0.01), "opposite"),
    ],
)
def test_rule(effect: Effect, gap: Gap | None, expected: str) -> None:
    assert effect_verdict(effect, gap) == expected


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda e: f"{e.version}-{e.left}-{e.right}-{e.split}")
def test_directions_are_those_of_the_papers_values(effect: Effect, claims: Claims) -> None:
    default = {"base": "assistant" if effect.version == "V" else None, "post": "none"}
    values = []
    for side in (effect.left, effect.right):
        found = [
            claim
            for claim in claims.root
            if (claim.version, claim.arm) == (effect.version, side.arm)
            and (claim.stage, claim.split) == (side.when, effect.split)
            and claim.persona == (side.persona or default[side.when])
        ]
        values.append(min(found, key=lambda claim: claim.tolerance).value)
    difference = values[0] - values[1]
    assert abs(difference) < 0.02 if effect.direction == 0 else difference * effect.direction > 0.02


def test_effects_present_and_absent_in_the_data(tables: Tables, page: str) -> None:
    # The made-up base models differ as in the paper; the post-trained ones are alike.
    rows = _rows(tables)
    base = {row["comparison"]: row["verdict"] for row in rows if row["split"] == "Articles" and row["version"] == "V"}
    assert base["misaligned_e2e higher than unfiltered"] == "shows"
    assert base["misaligned_mid higher than misaligned_e2e"] == "not run"
    absent = lxml.html.fromstring(page).get_element_by_id("absent-list").text_content()
    ran = [row for row in rows if row["finding"] == PERSISTS and row["verdict"] != "not run"]
    assert ran and all(row["verdict"] == "not clear" for row in ran)
    assert absent.count(PERSISTS) == len(ran)


def test_everything_that_does_not_show_is_listed(tables: Tables, page: str) -> None:
    rows = _rows(tables)
    absent = [row for row in rows if row["verdict"] in ("not clear", "opposite")]
    items = lxml.html.fromstring(page).get_element_by_id("absent-list").findall("li")
    assert len(items) == len(absent)
    for row, item in zip(absent, items, strict=True):
        assert row["comparison"] in item.text_content() and row["gap"].text in item.text_content()


def _rows(tables: Tables) -> list[dict[str, Any]]:
    scope = scope_of(tables.study, tables.evaluation)
    results = Results(tables.rates, tables.gaps, tables.swaps, tables.losses, scope)
    return effect_rows(results, tables.claims.root)
