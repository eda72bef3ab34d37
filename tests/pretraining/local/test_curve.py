"""The figures that a summary takes from a curve."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.pretraining.local.curve import final_loss, is_skipped, skipped_steps

LOSSES = st.lists(st.floats(0.1, 20), min_size=1, max_size=60)


def _rows(losses: list[float]) -> list[dict[str, float]]:
    return [{"step": step, "loss": loss, "grad_norm": 1.0} for step, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    ("losses", "mean"),
    [([5.0], 5.0), ([5.0, 3.0], 3.0), ([9.0] * 18 + [2.0, 4.0], 3.0), ([9.0] * 19 + [2.0, 4.0, 6.0], 5.0)],
    ids=["one step", "fewer than ten", "a tenth", "whole steps alone"],
)
def test_the_final_loss_is_the_mean_of_the_last_tenth_of_steps(losses: list[float], mean: float) -> None:
    assert final_loss(_rows(losses)) == mean


@given(LOSSES)
def test_a_final_loss_lies_among_those_of_the_last_tenth(losses: list[float]) -> None:
    last = losses[-max(len(losses) // 10, 1) :]
    assert min(last) * (1 - 1e-12) <= final_loss(_rows(losses)) <= max(last) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("loss", "norm", "skipped"),
    [(2.0, 1.0, False), (math.nan, 1.0, True), (2.0, math.inf, True), (-math.inf, math.nan, True)],
)
def test_a_step_is_left_out_where_its_loss_or_gradient_is_not_finite(loss: float, norm: float, skipped: bool) -> None:
    assert is_skipped({"step": 1, "loss": loss, "grad_norm": norm}) == skipped


@given(losses=LOSSES, data=st.data())
def test_steps_that_were_left_out_are_named_and_count_for_nothing(losses: list[float], data: st.DataObject) -> None:
    rows = _rows(losses)
    bad = data.draw(st.sets(st.integers(1, len(rows))))
    for step in bad:
        rows[step - 1][data.draw(st.sampled_from(["loss", "grad_norm"]))] = math.nan
    told: dict[str, Any] = skipped_steps(rows)
    assert told == ({"skipped_steps": sorted(bad)} if bad else {})
    last = [row["loss"] for row in rows[-max(len(rows) // 10, 1) :] if row["step"] not in bad]
    assert final_loss(rows) == (pytest.approx(sum(last) / len(last)) if last else pytest.approx(math.nan, nan_ok=True))
