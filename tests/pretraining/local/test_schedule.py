"""Learning rates follow the stage: warmup, shape, end."""

import pytest

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
