"""Parameters are compared key by key, and refused when they cannot be compared."""

import json
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.lineage.parameters import (
    MISSING,
    bound_arguments,
    differences,
    flatten,
    left_out,
    parameter,
    plain,
    why_left_out,
)

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


@given(trees)
@settings(max_examples=30)
def test_every_leaf_is_found_by_its_key(tree: dict[str, Any]) -> None:
    for key, leaf in flatten(tree, ""):
        assert parameter(tree, f"params:{key}") == leaf
    assert differences(tree, tree) == []


@given(trees)
@settings(max_examples=30)
def test_plain_values_stay_as_they_are(tree: dict[str, Any]) -> None:
    assert plain(tree) == tree == json.loads(json.dumps(plain(tree)))


@pytest.mark.parametrize(
    ("value", "leaves"),
    [
        ({"a": {}}, [("x.a", {})]),
        ({}, [("x", {})]),
        ([{"a": 1}], [("x", [{"a": 1}])]),
        (None, [("x", None)]),
        ({"a": {"b": 1}, 2: 3}, [("x.a.b", 1), ("x.2", 3)]),
    ],
)
def test_empty_dicts_and_lists_are_leaves(value: Any, leaves: list[tuple[str, Any]]) -> None:
    assert list(flatten(value, "x")) == leaves


@pytest.mark.parametrize(
    ("was", "now", "line"),
    [
        ({"a": {}}, {"a": {"b": 1}}, ["a was {}, now (missing)", "a.b was (missing), now 1"]),
        ({"a": 1}, {"a": "1"}, ['a was 1, now "1"']),
        ({"a": None}, {}, ["a was null, now (missing)"]),
        ({"params:a": 1}, {"a": 1}, []),
        ({"a": "x" * 60}, {"a": ""}, [f'a was "{"x" * 58}…, now ""']),
    ],
)
def test_a_difference_by_hand(was: dict[str, Any], now: dict[str, Any], line: list[str]) -> None:
    assert differences(was, now) == line


def test_days_and_folders_are_recorded_as_texts() -> None:
    assert plain({"on": date(2026, 11, 30), "at": [Path("a")]}) == {"on": "2026-11-30", "at": ["a"]}
    with pytest.raises(TypeError, match=r"\{1\} cannot be recorded as a parameter"):
        plain([{1}])


def test_a_parameter_below_a_value_is_missing() -> None:
    assert parameter({"a": [1]}, "params:a.0") == MISSING
    assert parameter({"a": {"b": None}}, "params:a.b") is None
    assert parameter({"a": {"b": None}}, "params:a.b.c") == MISSING


def test_arms_that_are_not_run_are_told_with_the_way_out(study_config: dict[str, Any]) -> None:
    params = {"study": study_config | {"run": ["filtered", "unfiltered"]}}
    missing = left_out(params)
    assert "filtered" not in missing and "aligned_e2e" in missing
    assert why_left_out(params, ["rate", "aligned_e2e", "filtered"]) == (
        'study.run (["filtered", "unfiltered"]) leaves out aligned_e2e; add it there to run it'
    )
    assert why_left_out(params, ["filtered", "nobody"]) == ""
    assert (
        left_out({"study": study_config | {"run": "all"}}) == left_out({}) == left_out({"study": {"name": "x"}}) == []
    )
