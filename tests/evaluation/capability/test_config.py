"""Benchmarks by name: each with data that is recorded, and nothing that contradicts itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from alignment_pretraining.evaluation.capability.config import Capability

PIQA = {"shots": 0, "metric": "acc"}
HUB = {"hub": "owner/data", "revision": "v1"}


def capability(**tasks: Any) -> Capability:
    return Capability.model_validate({"tasks": tasks})


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"piqa": PIQA}, r"tasks\.piqa: name its data, so that it is recorded"),
        ({"piqa": PIQA | HUB | {"folder": "x"}}, "say where its data is once"),
        ({"piqa": PIQA | {"hub": "owner/data"}}, "a hub name needs its revision"),
        ({"piqa": PIQA | {"folder": "x", "revision": "v1"}}, "revision is of a hub name"),
        ({"everyday_facts": PIQA | HUB}, r"tasks\.everyday_facts: its data is made by the study"),
        ({"piqa": PIQA | HUB | {"shots": -1}}, "shots"),
        ({"piqa": PIQA | HUB | {"metric": "acc,"}}, "metric"),
        ({"piqa": PIQA | HUB | {"metric": "a,b,c"}}, "metric"),
        ({"": PIQA | HUB}, "tasks"),
        ({"a b": PIQA | HUB}, "tasks"),
        ({"-piqa": PIQA | HUB}, "tasks"),
    ],
)
def test_a_task_whose_data_nobody_could_name_is_refused(tasks: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        capability(**tasks)


def test_what_is_read_is_named_by_place_and_package() -> None:
    told = capability(
        piqa=PIQA | HUB, mmlu=PIQA | {"folder": "data/mmlu"}, everyday_facts=PIQA, ifeval=PIQA | {"folder": "i"}
    )
    assert told.reads() == [
        "dataset:owner/data@v1", "files:data/mmlu", "files:i",
        "package:langdetect", "package:immutabledict", "package:nltk",
    ]  # fmt: skip
    assert told.asks_facts and not capability(piqa=PIQA | HUB).asks_facts
    assert Capability().reads() == [] and not Capability().asks_facts


@pytest.mark.parametrize("name", ["limit", "batch_size", "threads"])
def test_none_of_the_questions_are_not_asked(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Capability.model_validate({name: 0})


def test_a_metric_may_name_its_filter() -> None:
    assert capability(gsm8k=PIQA | HUB | {"metric": "exact_match,strict-match"}).tasks["gsm8k"].metric
