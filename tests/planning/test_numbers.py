"""Numbers of plans can be read without arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.planning.numbers import significant


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 2, "0"),
        (7.04, 2, "7"),
        (0.0123, 2, "0.012"),
        (99.7, 2, "100"),
        (999.9, 3, "1,000"),
        (1_234, 2, "1,200"),
        (1_499_996.3, 3, "1,500,000"),
    ],
)
def test_as_many_digits_as_count_are_written_in_full(value: float, digits: int, text: str) -> None:
    assert significant(value, digits) == text


@given(st.floats(1e-3, 1e9), st.integers(2, 4))
def test_a_number_is_read_back_within_half_a_digit_and_has_no_exponent(value: float, digits: int) -> None:
    text = significant(value, digits)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))
