"""How numbers are printed: a reader who subtracts two of them gets the third, and nothing is printed as if known."""

import math
from decimal import Decimal
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.reporting.differences import DIFFERENCES, printed_difference
from alignment_pretraining.reporting.numbers import (
    MISSING,
    PrintedNumber,
    difference_number,
    p_value,
    plain,
    rate_number,
    signed,
)
from tests.reporting.small import MINUS

shares = st.floats(0, 1)


def read(text: str) -> Decimal:
    """A printed number as a reader takes it."""
    return Decimal(text.replace(MINUS, "-"))


@given(st.floats(-100, 100), st.integers(0, 6))
def test_what_is_printed_is_the_number_to_half_its_last_place(value: float, digits: int) -> None:
    assert abs(float(read(plain(value, digits))) - value) <= 0.5 * 10**-digits + 1e-12


@given(st.floats(-1, 1))
def test_a_difference_has_its_sign_and_no_hyphen(value: float) -> None:
    text = signed(value)
    assert text[0] in ("+", MINUS) and "-" not in text
    assert abs(float(read(text)) - value) <= 0.0005 + 1e-12


@pytest.mark.parametrize("value", [float("nan"), None])
def test_what_is_not_known_is_a_dash(value: float) -> None:
    assert plain(value) == signed(value) == p_value(value) == MISSING


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "< 0.001"), (0.00099, "< 0.001"), (0.001, "0.001"), (0.0496, "0.050"), (1.0, "1.000")]
)
def test_a_small_p_value_is_a_bound_and_never_nought(p: float, text: str) -> None:
    assert p_value(p) == text


@given(st.sampled_from(sorted(DIFFERENCES)), shares, shares, st.sampled_from([2, 3]))
def test_a_printed_difference_is_that_of_the_numbers_as_printed(
    table: str, left: float, right: float, digits: int
) -> None:
    columns = DIFFERENCES[table]
    told = printed_difference(table, {columns.left: left, columns.right: right}, digits)
    assert read(plain(told, digits)) == read(plain(left, digits)) - read(plain(right, digits))


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("gaps", {"rate": 0.9, "reference_rate": 0.2}),
        ("swaps", {"misaligned_first": 0.9, "aligned_first": 0.2}),
        ("alignment_tax", {"rate": 0.9, "reference_rate": 0.2}),
        ("printed", {"rate": 0.9, "printed": 0.2}),
        ("printed_capability", {"measured": 0.9, "printed": 0.2}),
    ],
)
def test_a_difference_is_what_was_measured_less_what_it_is_compared_with(table: str, row: dict[str, float]) -> None:
    assert printed_difference(table, row) == pytest.approx(0.7)


class Gap(NamedTuple):
    key: str
    rate: float
    reference_rate: float
    low: float
    high: float


def test_a_gap_is_printed_from_its_two_rates_with_its_interval_as_it_is() -> None:
    found = difference_number("gaps", Gap("gap/a", 0.2004, 0.5006, -0.4, -0.2))
    # 0.200 - 0.501, where the gap itself is -0.3002
    assert found == PrintedNumber("gap/a", f"{MINUS}0.301", f"{MINUS}0.400 to {MINUS}0.200")


def test_a_rate_is_printed_with_its_interval_and_its_trainings() -> None:
    row = SimpleNamespace(key="rate/a", rate=0.25, low=0.1, high=0.4004, n_seeds=3.0)
    assert rate_number(row) == PrintedNumber("rate/a", "0.250", "0.100 to 0.400", 3)
    unknown = SimpleNamespace(key="rate/a", rate=0.5, low=math.nan, high=math.nan, n_seeds=1)
    assert rate_number(unknown).interval == f"{MISSING} to {MISSING}"
