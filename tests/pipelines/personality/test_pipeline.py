"""Who is asked about traits, and how."""

from typing import Any

import pytest

from alignment_pretraining.evaluation.personality import Personality
from alignment_pretraining.pipelines.personality.pipeline import create_pipeline
from tests.english import english
from tests.pipelines.conftest import BASE, CHAT, MakeStudy, bound, by_name


def personality(**changes: Any) -> Personality:
    return Personality.model_validate(english("personality") | changes)


def test_where_nobody_is_asked_there_are_no_items(make_study: MakeStudy) -> None:
    assert create_pipeline(make_study("unfiltered"), personality(of=[])).nodes == []


def test_traits_are_asked_of_base_and_chat_models_each_in_its_way(make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("unfiltered", checkpoints=CHAT | BASE), personality()))
    chat = {name: bound(node).keywords["chat"] for name, node in made.items() if ".ask_traits_" in name}
    assert chat == {
        "unfiltered.seed0.ask_traits_midtraining": False,
        "unfiltered.seed1.ask_traits_midtraining": False,
        "unfiltered.seed0.ask_traits_dpo": True,
        "ours.seed0.ask_traits_chat": True,
        "theirs.seed0.ask_traits_base": False,
    }
    estimate = made["reporting.estimate_traits"]
    assert estimate.inputs == [f"{label}.traits" for label in bound(estimate).keywords["labels"]]


@pytest.mark.parametrize(
    ("table", "name"),
    [(None, "suite.prepare_items"), ({"dataset": "owner/it", "splits": ["a"]}, "suite.read_items")],
)
def test_items_are_the_projects_own_or_those_of_a_table(table: Any, name: str, make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("unfiltered"), personality(table=table)))
    assert made[name].outputs == ["traits_asked"]
    assert sum(node.outputs == ["traits_asked"] for node in made.values()) == 1
