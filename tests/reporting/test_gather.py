"""What checkpoints gave is put together under the right label, whatever their number."""

from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.gather import gather_arm

LABELS = ["a.seed0.pretraining", "a.seed1.pretraining", "a.seed0.sft"]
MIXED = LABELS[:2]


def given(what: str, labels: list[str]) -> list[Any]:
    return [pd.DataFrame({"value": [f"{what} of {label}"] * 2}) for label in labels]


def results(labels: list[str] = LABELS, mixed: list[str] = MIXED) -> list[Any]:
    told = [{"summary": label} for label in labels], [{"score": label} for label in labels]
    return [*given("item", labels), *given("curve", labels), *told[0], *told[1], *({"mix": label} for label in mixed)]


def test_each_thing_is_that_of_its_own_checkpoint() -> None:
    items, curves, checkpoints = gather_arm(LABELS, MIXED, results())
    for frame, what in ((items, "item"), (curves, "curve")):
        assert len(frame) == 6 and frame.index.tolist() == list(range(6))
        labels = frame["arm"] + ".seed" + frame["seed"].astype(str) + "." + frame["stage"]
        assert (frame["value"] == f"{what} of " + labels).all()
    for label, told in checkpoints.items():
        assert told["training"] == {"summary": label} and told["scores"] == {"score": label}
        assert told["mix"] == ({"mix": label} if label in MIXED else None)
    assert list(checkpoints) == LABELS


def test_one_result_too_few_is_refused() -> None:
    with pytest.raises(ValueError):
        gather_arm(LABELS, MIXED, results()[:-1])
