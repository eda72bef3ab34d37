"""The declared contrasts in words: what came out, over what, and whether it can be believed."""

from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.contrasts import CONTRAST_COLUMNS
from alignment_pretraining.reporting.declared import Declared, contrast_number, share
from alignment_pretraining.reporting.numbers import MISSING
from tests.reporting.small import MINUS

EMPTY = pd.DataFrame()
CONTRAST: dict[str, Any] = {
    "key": "contrast/ai", "name": "ai", "left": "one told assistant", "right": "other told assistant",
    "split": "articles", "form": "open", "expect": "higher", "margin": 0.15, "value": 0.2504, "low": 0.1, "high": 0.4,
    "p": 0.001, "p_holm": 0.0004, "over": "families and seeds", "n_seeds": 2, "by_seed": '{"0": 0.3, "1": -0.2}',
    "case_blanked": 0.125, "controls_hold": True, "verdict": "shown",
}  # fmt: skip


def declared(*changes: dict[str, Any]) -> Declared:
    rows = [CONTRAST | change for change in changes]
    return Declared(pd.DataFrame(rows, columns=list(CONTRAST_COLUMNS)), EMPTY, EMPTY)


def test_a_sentence_says_what_is_compared_by_how_much_and_over_what() -> None:
    (sentence,) = declared({}).sentences
    assert sentence == (
        "one told assistant minus other told assistant, Articles, open: "
        "+0.250 (+0.100 to +0.400, over families and seeds): as declared."
    )


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("shown", ": as declared."),
        ("equivalent", ": no difference, within the margin."),
        ("opposite", ": against what was declared."),
        ("not shown", ": not shown."),
        ("undecided", ": undecided."),
    ],
)
def test_every_verdict_has_its_words(verdict: str, said: str) -> None:
    assert declared({"verdict": verdict}).sentences[0].endswith(said)


@pytest.mark.parametrize(("expect", "told"), [("higher", True), ("lower", True), ("equal", False)])
def test_controls_that_fail_are_told_of_a_direction_and_not_of_an_expected_equality(expect: str, told: bool) -> None:
    failed = declared({"expect": expect, "controls_hold": False, "verdict": "shown"})
    assert failed.sentences[0].endswith("Its controls fail.") == told
    assert ("1 do not pass their controls" in failed.tally) == told


def test_the_tally_counts_what_came_out_as_declared() -> None:
    verdicts = ["shown", "equivalent", "opposite", "not shown", "undecided"]
    assert declared(*({"verdict": one} for one in verdicts)).tally == "2 of 5 declared contrasts came out as declared."
    failing = declared({}, {"controls_hold": False}, {"controls_hold": False})
    assert failing.tally == (
        "3 of 3 declared contrasts came out as declared. Of the contrasts with a direction, 2 do not pass their "
        "controls."
    )


def test_a_study_that_declares_nothing_says_nothing() -> None:
    nothing = declared()
    assert (nothing.tally, nothing.sentences, list(nothing.rows())) == ("", [], [])


def test_a_row_of_the_table_has_the_corrected_p_value_and_every_training() -> None:
    (row,) = declared({}).rows()
    assert row["p"] == "< 0.001", "Holm's, not the plain one"
    assert row["seeds"] == f"+0.300, {MINUS}0.200"
    assert (row["holds"], row["case_blanked"], row["split"]) == ("hold", "+0.125", "Articles")
    assert row["number"] == contrast_number(next(declared({}).contrasts.itertuples()))
    assert (row["number"].text, row["number"].interval, row["number"].n_seeds) == ("+0.250", "+0.100 to +0.400", 2)


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_what_was_not_asked_is_a_dash_whether_new_or_read_from_a_file(unknown: float | None) -> None:
    (row,) = declared({"case_blanked": unknown}).rows()
    assert row["case_blanked"] == MISSING == share(unknown)


def test_a_share_of_a_control_is_a_rate() -> None:
    assert share(0.5) == "0.500" and share(0) == "0.000"


def test_a_split_of_the_users_own_keeps_its_name() -> None:
    own = declared({"split": "mine"})
    assert ", mine, open:" in own.sentences[0] and next(own.rows())["split"] == "mine"


def test_a_failing_control_is_marked_in_its_row() -> None:
    assert [row["holds"] for row in declared({}, {"controls_hold": False}).rows()] == ["hold", "fail"]
