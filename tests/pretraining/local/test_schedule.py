"""Learning rates follow the stage: warmup, shape, end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.pretraining.local.schedule import learning_rate
from tests.pretraining.local.conftest import STAGE


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_warms_up_to_the_maximum_and_ends_at_the_minimum(schedule: str) -> None:
    stage = STAGE.model_copy(update={"tokens": 1_024 * 100, "schedule": schedule})
    rates = [learning_rate(step, stage) for step in range(stage.steps)]

    assert rates[0] == pytest.approx(stage.max_lr / 10)
    assert max(rates) == rates[9] == stage.max_lr
    assert rates[-1] == pytest.approx(stage.min_lr)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[54] == pytest.approx((stage.max_lr + stage.min_lr) / 2)


def test_constant_stays_at_the_maximum() -> None:
    stage = STAGE.model_copy(update={"schedule": "constant", "warmup": 0.0})
    assert {learning_rate(step, stage) for step in range(stage.steps)} == {stage.max_lr}


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("linear", [0.5, 1.0, 0.8, 0.6, 0.4, 0.2]),
        ("cosine", [0.5, 1.0, 0.882842712, 0.6, 0.317157288, 0.2]),
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_a_quarter_of_six_steps_is_two_that_warm_up(schedule: str, rates: list[float]) -> None:
    changes = {"tokens": 6 * 1_024, "warmup": 0.25, "max_lr": 1.0, "min_lr": 0.2, "schedule": schedule}
    stage = STAGE.model_copy(update=changes)
    assert [learning_rate(step, stage) for step in range(6)] == pytest.approx(rates)


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 1),
    schedule=st.sampled_from(["cosine", "linear", "constant"]),
    low=st.floats(0, 0.5),
)
def test_rates_rise_and_then_fall_between_their_bounds(steps: int, warmup: float, schedule: str, low: float) -> None:
    changes = {"tokens": steps * 1_024, "warmup": warmup, "max_lr": 0.5, "min_lr": low, "schedule": schedule}
    stage = STAGE.model_copy(update=changes)
    rates = [learning_rate(step, stage) for step in range(steps)]
    warm = round(warmup * steps)
    assert rates[:warm] == sorted(rates[:warm]) and rates[warm:] == sorted(rates[warm:], reverse=True)
    assert all(0 < rate <= 0.5 + 1e-12 for rate in rates[:-1]) and all(rate >= low - 1e-12 for rate in rates[warm:])
    assert rates[-1] == pytest.approx(low if schedule != "constant" and warm < steps else 0.5, abs=1e-12)
