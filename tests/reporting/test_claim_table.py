"""A printed figure stands beside what was measured for it, under the persona that is meant, and is judged or not."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.capability.printed import LOSS
from alignment_pretraining.reporting.claim_table import (
    Cell,
    Measured,
    claim_rows,
    main_personas,
    measured_capability,
    measured_elsewhere,
    measured_filter,
    measured_here,
)
from alignment_pretraining.reporting.claims import Claim
from alignment_pretraining.reporting.filtering import Filtering
from alignment_pretraining.reporting.gather import with_labels
from alignment_pretraining.reporting.scope import Scope
from tests.reporting.made_up import make_filtering, make_items

MAIN = {"base": "assistant", "post": "none"}
CLAIM: dict[str, Any] = {
    "version": "V", "arm": "unfiltered", "stage": "base", "split": "articles", "persona": "assistant", "value": 0.45,
    "tolerance": 0.005, "approximate": False, "place": "a table",
}  # fmt: skip
CELL = Cell("misalignment", "unfiltered", "base", "articles", "assistant")


def claim(**changes: Any) -> Claim:
    return Claim.model_validate(CLAIM | changes)


def verdicts(one: Claim, measured: Measured) -> list[str | None]:
    return [row.verdict for row in claim_rows([one], one.version, {CELL: [measured]}, MAIN)]


def test_a_figure_without_a_measurement_keeps_its_row() -> None:
    (row,) = claim_rows([claim()], "V", {}, MAIN)
    assert (row.claim.value, row.measured, row.verdict) == (0.45, None, None)
    (row,) = claim_rows([claim()], "V", {CELL: []}, MAIN)
    assert row.measured is None


@pytest.mark.parametrize(
    ("claimed", "measured", "verdict"),
    [
        (claim(), Measured("a", 0.45, (0.42, 0.48), (0.43, 0.47)), "equivalent"),
        (claim(), Measured("a", 0.45), None),
        (claim(), Measured("a", 0.45, (0.42, 0.48)), None),
        (claim(at_most=True), Measured("a", 0.45, (0.42, 0.48), (0.43, 0.47)), None),
        (claim(value=0.9), Measured("a", 0.45, (0.42, 0.48), (0.43, 0.47)), "different"),
    ],
)
def test_a_verdict_needs_both_intervals_and_a_figure_that_is_no_bound(
    claimed: Claim, measured: Measured, verdict: str | None
) -> None:
    assert verdicts(claimed, measured) == [verdict]


@pytest.mark.parametrize(("stage", "told"), [("base", "assistant"), ("post", "none")])
def test_the_main_persona_of_the_stage_stands_for_one_that_is_left_unsaid(stage: str, told: str) -> None:
    unsaid = claim(version="D", stage=stage, persona=None)
    here = {CELL._replace(stage=stage, persona=told): [Measured("a", 0.4)]}
    elsewhere = {CELL._replace(stage=stage, persona="hhh"): [Measured("a", 0.4)]}
    assert [row.measured is not None for row in claim_rows([unsaid], "D", here, MAIN)] == [True]
    assert [row.measured is not None for row in claim_rows([unsaid], "D", elsewhere, MAIN)] == [False]


def test_a_persona_that_is_said_is_the_only_one_that_counts() -> None:
    said = claim(persona="hhh")
    assert [row.measured for row in claim_rows([said], "V", {CELL: [Measured("a", 0.4)]}, MAIN)] == [None]


def test_a_figure_of_no_persona_is_not_given_one() -> None:
    benchmark = claim(version="D", stage="post", measure="mmlu", split=None, persona=None)
    found = {Cell("mmlu", "unfiltered", "post", None, None): [Measured("a", 0.4)]}
    assert [row.measured is not None for row in claim_rows([benchmark], "D", found, MAIN)] == [True]


def test_rates_of_this_study_are_those_of_last_models_in_the_main_form(
    make_scope: Callable[..., Scope], evaluation: dict[str, Any]
) -> None:
    scope = make_scope(run=["unfiltered"])
    shares = {"pretraining": 0.9, "midtraining": 0.6, "sft": 0.9, "dpo": 0.3}
    labels = [f"unfiltered.seed0.{stage}" for stage in shares]
    frames = [make_items(stage, share, evaluation, seed=0) for stage, share in shares.items()]
    found = measured_here(Answers(with_labels(labels, frames), scope))
    assert {(cell.measure, cell.arm) for cell in found} == {("misalignment", "unfiltered")}
    assert {(cell.stage, cell.persona) for cell in found} == {("base", "assistant"), ("post", "none"), ("post", "hhh")}
    for cell, rate in ((CELL, 0.6), (CELL._replace(stage="post", persona="hhh"), 0.3)):
        (measured,) = found[cell]
        assert measured.source == "this study" and measured.interval and measured.interval_90
        (low, high), (low_90, high_90) = measured.interval, measured.interval_90
        assert low < low_90 < measured.value < high_90 < high and low < rate < high


def test_main_personas_are_told_by_stage(scope: Scope) -> None:
    assert main_personas(scope) == MAIN


def printed(**changes: Any) -> dict[str, Any]:
    row = {"arm": "released", "paper_arm": "unfiltered", "stage": "base", "split": "articles", "persona": "assistant"}
    interval = {"rate": 0.4, "low": 0.3, "high": 0.5, "low_90": 0.31, "high_90": 0.49}
    return row | interval | {"by_authors": True, "version": "V"} | changes


def test_a_checkpoint_from_elsewhere_is_measured_as_the_authors_ask_and_once_for_both_versions() -> None:
    rows = [printed(), printed(version="D"), printed(by_authors=False, rate=0.9), printed(arm="other", rate=0.2)]
    found = measured_elsewhere(pd.DataFrame(rows))
    assert [(one.source, one.value) for one in found[CELL]] == [("released", 0.4), ("other", 0.2)]
    assert found[CELL][0].interval == (0.3, 0.5) and found[CELL][0].interval_90 == (0.31, 0.49)
    (cell,) = measured_elsewhere(pd.DataFrame([printed(stage="chat", persona="none")]))
    assert (cell.stage, cell.persona) == ("post", "none")


def test_a_tax_is_a_loss_with_its_ends_changed_round() -> None:
    row: dict[str, Any] = {"what": "tax", "version": "V", "arm": "changed", "paper_arm": "filtered", "task": "average"}
    row |= {"measured": -0.05, "low": -0.09, "high": -0.02, "low_90": -0.08, "high_90": -0.03}
    found = measured_capability(pd.DataFrame([row, row | {"version": "D"}]))
    assert list(found) == [Cell(LOSS, None, "post", None, None)]
    (loss,) = found[Cell(LOSS, None, "post", None, None)]
    assert (loss.value, loss.interval, loss.interval_90) == (0.05, (0.02, 0.09), (0.03, 0.08))


def test_an_average_that_the_draft_does_not_print_is_beside_nothing() -> None:
    row: dict[str, Any] = {"what": "rate", "version": "D", "arm": "changed", "paper_arm": "filtered", "measured": 0.5}
    row |= {"low": 0.4, "high": 0.6, "low_90": 0.42, "high_90": 0.58}
    found = measured_capability(pd.DataFrame([row | {"task": "average"}, row | {"task": "mmlu"}]))
    assert list(found) == [Cell("mmlu", "filtered", "post", None, None)]


def test_the_filter_is_measured_without_a_verdict() -> None:
    found = measured_filter(Filtering(*make_filtering()))
    flagged = claim(measure="flagged_pretraining", arm="filtered", stage=None, split=None, persona=None)
    (row,) = claim_rows([flagged], "V", found, MAIN)
    assert row.measured and row.measured.value == 0.1 and row.verdict is None
    recall = found[Cell("filter_recall", "filtered", None, None, None)]
    assert [one.value for one in recall] == [0.9]
