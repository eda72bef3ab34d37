"""How much there is of something, and whether that will do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.planning.preflight.amounts import TOLERANCE, Amount, Need, shown

TEN = 10.0


def need(needs: float, has: Amount) -> Need:
    return Need("mixing", "corpus", needs, has, "tokens", "raise corpus.sources")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0, "rows", "0 rows"),
        (1_234, "rows", "1,234 rows"),
        (999_999, "rows", "999,999 rows"),
        (1_000_000, "tokens", "1M tokens"),
        (4_404_020, "tokens", "4.4M tokens"),
        (999_999_999, "tokens", "1,000M tokens"),
        (499_998_785_536, "tokens", "500B tokens"),
        (999_600_000_000, "tokens", "1,000B tokens"),
        (15e12, "tokens", "15T tokens"),
        (1234.5e12, "tokens", "1,230T tokens"),
        (80e9, "GB", "80.0 GB"),
        (1_234.56e9, "GB", "1,234.6 GB"),
        (320, "files", "320 files"),
        (float("inf"), "files", "no limit"),
    ],
)
def test_an_amount_is_read_at_a_glance(value: float, unit: str, words: str) -> None:
    assert shown(value, unit) == words


@given(st.floats(0, 1e15))
def test_what_is_shown_is_the_amount_within_a_percent(value: float) -> None:
    number, letter = re.fullmatch(r"([\d,.]+)([MBT]?) tokens", shown(value, "tokens")).groups()  # type: ignore[union-attr]
    read = float(number.replace(",", "")) * {"": 1, "M": 1e6, "B": 1e9, "T": 1e12}[letter]
    assert read == pytest.approx(value, rel=0.01, abs=0.5)


@pytest.mark.parametrize(
    ("needs", "has", "verdict"),
    [
        (10, Amount(TEN, "counted"), "enough"),
        (10.5, Amount(TEN, "counted"), "short"),
        (10.5, Amount(TEN, "a sample", estimate=True), "perhaps short"),
        (10 * TOLERANCE, Amount(TEN, "a sample", estimate=True), "perhaps short"),
        (10 * TOLERANCE + 0.1, Amount(TEN, "a sample", estimate=True), "short"),
        (1e30, Amount(None, "not read yet"), "not known yet"),
        (1, Amount(0.0, "counted"), "short"),
        (1e9, Amount(float("inf"), "ulimit -n"), "enough"),
    ],
)
def test_an_estimate_has_a_tolerance_that_a_count_has_not(needs: float, has: Amount, verdict: str) -> None:
    found = need(needs, has)
    assert found.verdict == verdict
    assert found.is_short == (verdict == "short")


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.booleans())
def test_more_of_it_never_makes_it_short(has: float, more: float, estimate: bool) -> None:
    before = need(1e11, Amount(has, "counted", estimate))
    after = need(1e11, Amount(has + more, "counted", estimate))
    assert before.is_short or not after.is_short


def test_a_shortfall_names_what_is_needed_what_there_is_how_that_is_known_and_the_setting() -> None:
    found = need(5e6, Amount(2e6, "a sample", estimate=True))
    assert found.explain() == "corpus: needs 5M tokens, there are 2M tokens (a sample); raise corpus.sources"
