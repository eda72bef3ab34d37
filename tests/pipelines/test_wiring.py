"""How nodes are made from functions and stage runs."""

from typing import get_type_hints

from alignment_pretraining.pipelines.wiring import bind, stage_node
from alignment_pretraining.study import StageRun


def measure(text: str, times: int, *, seed: int) -> int:
    """How long it is."""
    return len(text) * times + seed


def test_a_bound_function_keeps_its_name_hints_and_words() -> None:
    bound = bind(measure, seed=3)
    assert bound("ab", 2) == 7
    assert (bound.__name__, bound.__doc__) == ("measure", "How long it is.")
    assert get_type_hints(bound)["text"] is str
    assert bind(measure, "abc", seed=0)(2) == 6


def test_a_node_is_named_placed_and_tagged_by_arm_stage_and_seed() -> None:
    run = StageRun(arm="filtered", stage="cpt")
    made = stage_node("train", bind(measure, seed=1), ["text", "params:times"], "out", run, 7)
    assert made.name == "filtered.seed7.train_cpt"
    assert made.namespace == "filtered.seed7"
    assert made.tags == {"filtered", "cpt", "seed7"}
    assert (made.inputs, made.outputs) == (["text", "params:times"], ["out"])
    assert made.run({"text": "ab", "params:times": 2}) == {"out": 5}
