"""Parameters are compared key by key, and refused when they cannot be compared."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.lineage.parameters import MISSING, bound_arguments, differences, flatten, parameter, plain

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)
trees = st.recursive(
    st.dictionaries(st.text("abc", min_size=1), leaves, min_size=1),
    lambda inner: st.dictionaries(st.text("abc", min_size=1), inner, min_size=1),
    max_leaves=8,
)


def test_values_are_found_by_kedro_names() -> None:
    params = {"study": {"stages": {"sft": {"epochs": 2}}}}
    assert parameter(params, "params:study.stages.sft.epochs") == 2
    assert parameter(params, "parameters") == params
    assert parameter(params, "params:study.stages.dpo") == MISSING


def test_bound_arguments_count_as_parameters() -> None:
    bound = partial(partial(parameter, {"a": 1}), name="a")
    assert bound_arguments(bound) == {"params": {"a": 1}, "name": "a"}
    assert bound_arguments(parameter) == {}


def test_a_change_is_told_by_its_key() -> None:
    was = {"params:stage": {"max_lr": 0.003, "schedule": {"name": "cosine"}}, "seed": 0}
    now = {"params:stage": {"max_lr": 0.001, "schedule": {"name": "cosine"}, "warmup": 0.1}, "seed": 0}
    assert differences(was, now) == ["stage.max_lr was 0.003, now 0.001", "stage.warmup was (missing), now 0.1"]


@given(trees, trees)
def test_differences_are_found_exactly_when_there_are_any(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert bool(differences({"x": one}, {"x": other})) == (dict(flatten(one, "")) != dict(flatten(other, "")))


def test_long_values_are_cut_in_messages() -> None:
    (line,) = differences({"terms": ["word"] * 500}, {"terms": []})
    assert len(line) < 120


def test_what_has_no_plain_form_is_refused() -> None:
    assert plain({"path": Path("a/b"), "pair": (1, 2)}) == {"path": "a/b", "pair": [1, 2]}
    with pytest.raises(TypeError, match="no JSON form"):
        plain({"f": print})
