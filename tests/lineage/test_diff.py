"""Two numbers beside each other: the first inputs where they part, between arms, folders and commits."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.lineage.diff import Comparison, Difference, as_data, compare
from alignment_pretraining.lineage.history import History, Step
from alignment_pretraining.lineage.numbers import TracedNumber
from alignment_pretraining.lineage.records import Record
from tests.lineage.lineage_project import Project


def test_where_numbers_part_first_between_folders_and_between_arms(run_toy: Project, tmp_path: Path) -> None:
    other = Project(shutil.copytree(run_toy.root, tmp_path / "other"))
    other.replace("conf/base/parameters.yml", "rate: 0.5", "rate: 0.7")
    other.replace("src/toy/nodes.py", 'stage["rate"] + seed', 'stage["rate"] + seed + (1 if name[0] == "a" else 0)')
    other.replace("src/toy/text.py", "lower()", "casefold()")
    other("kedro", "run")

    told = json.loads(other("kedro", "trace", "--diff", "rate/a", f"{run_toy.root}::rate/a", "--json"))
    assert (told["left"]["value"], told["right"]["value"]) == pytest.approx((0.52, 0.3))
    assert {"words", "tokens"} <= set(told["equal"]), "other code that makes the same is no parting"
    (first,) = [one for one in told["first"] if one["left"]["dataset"].endswith("checkpoint")]
    assert first["left"]["dataset"] == first["right"]["dataset"] == "a.seed0.pretraining.checkpoint"
    found = {(one["kind"], one["name"]): (one["left"], one["right"]) for one in first["differences"]}
    assert found.pop(("setting", "study.stages.pretraining.rate")) == (0.7, 0.5)
    assert set(found) == {("code", "toy/nodes.py")}
    assert [one["name"] for one in first["environment"]] == ["commit"]
    assert "*.seed0.pretraining.scores" in told["after"]

    shown = other("kedro", "trace", "--diff", "rate/a", "rate/b")
    assert "apart by +0.1 " in shown
    assert "a.seed0.train_pretraining | b.seed0.train_pretraining" in shown
    assert "name: a-pretraining | b-pretraining" in shown
    assert "code " not in shown


def _training(seed: int) -> History:
    """What a number of one seed rests on: a stream of the same tokens for each seed, and a checkpoint of it."""
    mix, checkpoint = f"a.seed{seed}.midtraining.mix", f"a.seed{seed}.midtraining.checkpoint"
    number = TracedNumber("rates", "rate/a", f"rate_by_seed.{seed}", 0.5, (("a", "midtraining"),), {}, seed)

    def step(name: str, read: dict[str, str | None], made: str) -> Step:
        params = {"seed": seed, "params:study.arms.a": {"corpus": "filtered"}, "label": f"a.seed{seed}.midtraining"}
        empty: dict[str, str] = {}
        record = Record(
            node=f"make {name}", inputs=read, outputs={name: made}, params=params, code=empty, libraries=empty,
            env="base", commit=None, dirty=False, mlflow_run=None, seconds=1, when="today",
        )  # fmt: skip
        return Step(name, made, record, tuple(read))

    steps = [
        Step("tokens", "t", None, ()),
        step(mix, {"tokens": "t"}, f"m{seed}"),
        step(checkpoint, {mix: f"m{seed}"}, f"c{seed}"),
        step("rates", {checkpoint: f"c{seed}"}, "r"),
    ]
    return History(number.name, number, {one.dataset: one for one in steps})


def test_trainings_are_paired_whatever_their_seed() -> None:
    found = compare(_training(0), _training(1))
    assert found.equal == ["tokens", "rates"]
    (first,) = found.first
    assert [(one.name, one.left, one.right) for one in first.differences] == [("seed", 0, 1)]
    assert found.after == ["*.seed*.midtraining.checkpoint"]
    assert not found.left_only + found.right_only
    assert compare(_training(0), _training(0)).first == []


def test_what_cannot_be_compared_is_said(run_toy: Project, tmp_path: Path) -> None:
    assert "no records there" in run_toy("kedro", "trace", "--diff", "rate/a", f"{tmp_path}/none::rate/a", code=1)
    assert "compares two KEYs" in run_toy("kedro", "trace", "rate/a", "rate/b", code=2)
    run_toy.replace("data/08_reporting/rates.csv", "assistant,0.3,", "assistant,0.4,")
    said = run_toy("kedro", "trace", "--diff", "rate/a", "rate/b", code=1)
    assert "rates.csv is not what its record says" in said


def _history(asked: str, *steps: Step, arm: str = "a", seed: int | None = None) -> History:
    number = TracedNumber("rates", asked, "rate", 0.5, ((arm, "sft"),), {}, seed)
    return History(asked, number, {step.dataset: step for step in steps})


def _step(name: str, digest: str, *reads: str, **changes: Any) -> Step:
    values: dict[str, Any] = {
        "node": f"make {name}", "inputs": dict.fromkeys(reads, "1"), "outputs": {name: digest}, "params": {},
        "code": {}, "libraries": {}, "env": "base", "commit": "c" * 40, "dirty": False, "mlflow_run": None,
        "seconds": 1, "when": "today",
    }  # fmt: skip
    return Step(name, digest, Record.model_validate(values | changes), reads)


def _apart(left: Step, right: Step) -> tuple[Difference, ...]:
    (first,) = compare(_history("a", left), _history("b", right)).first
    return first.differences + first.environment


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ({"params": {"params:stage": {"lr": 1, "w": 2}}}, {"params": {"params:stage": {"lr": 1, "w": 3}}},
         ("setting", "stage.w", 2, 3)),
        ({"params": {"seed": 1}}, {}, ("setting", "seed", 1, "(missing)")),
        ({"code": {"a.py": "1"}}, {"code": {"a.py": "2"}}, ("code", "a.py", "1", "2")),
        ({}, {"libraries": {"torch": "2"}}, ("library", "torch", "(missing)", "2")),
        ({"inputs": {"x": "1"}}, {"inputs": {}}, ("input", "x", "1", "(missing)")),
        ({"inputs": {}}, {"inputs": {"x": "1"}}, ("input", "x", "(missing)", "1")),
        ({"env": "gpu"}, {}, ("made", "env", "gpu", "base")),
        ({"dirty": True}, {}, ("made", "commit", "cccccccccc + uncommitted changes", "cccccccccc")),
        ({"machine": {"gpus": "H200"}}, {}, ("made", "gpus", "H200", "(missing)")),
    ],
)  # fmt: skip
def test_one_thing_that_differs_is_told_alone(left: dict[str, Any], right: dict[str, Any], found: Any) -> None:
    assert _apart(_step("x", "1", **left), _step("x", "2", **right)) == (Difference(*found),)


def test_raw_data_that_differs_has_no_reasons() -> None:
    assert _apart(Step("words", "1", None, ()), Step("words", "2", None, ())) == ()


def test_inputs_of_another_content_are_a_parting_of_their_own() -> None:
    sides = [
        [Step("words", digest, None, ()), _step("tokens", digest, "words", inputs={"words": digest})] for digest in "12"
    ]
    found = compare(_history("a", *sides[0]), _history("b", *sides[1]))
    assert [one.left.dataset for one in found.first] == ["words"]
    assert found.after == ["tokens"]


def test_what_comes_together_again_is_equal() -> None:
    """Other words of which the same tokens are made."""
    sides = [[Step("words", digest, None, ()), _step("tokens", "t", "words")] for digest in "12"]
    found = compare(_history("a", *sides[0]), _history("b", *sides[1]))
    assert found.equal == ["tokens"] and found.after == []


def _arms(*, seed: int | None = None) -> Comparison:
    def side(arm: str, more: str) -> History:
        params = {"params:study.arms." + arm: {"share": 1}, "label": f"{arm}.seed0.sft", "arm": arm}
        return _history(
            arm,
            _step(f"{arm}.seed0.sft.checkpoint", arm, params=params),
            _step(f"{arm}.items", arm, f"{arm}.seed0.sft.checkpoint"),
            _step(more, "1"),
            _step("others.items", "1"),
            arm=arm,
            seed=seed,
        )

    return compare(side("a", "here"), side("b", "there"))


def test_arms_are_paired_by_what_their_datasets_are_to_them() -> None:
    found = _arms()
    assert [(one.left.dataset, one.right.dataset) for one in found.first] == [
        ("a.seed0.sft.checkpoint", "b.seed0.sft.checkpoint")
    ]
    assert found.after == ["*.items"]
    assert found.equal == ["others.items"]
    assert (found.left_only, found.right_only) == (["here"], ["there"])
    assert [one.name for one in found.first[0].differences] == ["arm"], "labels and keys of arms are the arms' names"


def test_a_number_of_two_arms_keeps_their_names() -> None:
    left, right = _arms().left, _arms().left
    about = (("a", "sft"), ("b", "sft"))
    both = TracedNumber("gaps", "gap", "gap", 0.1, about, {})
    for one in (left.number, both):
        found = compare(History("l", both, left.steps), History("r", one, right.steps))
        assert found.equal == ["a.seed0.sft.checkpoint", "a.items", "here", "others.items"]


def test_a_comparison_as_data_is_what_json_gives_back() -> None:
    told = as_data(_arms())
    assert json.loads(json.dumps(told)) == told
    assert told["left"] == {"key": "a", "value": 0.5}
    assert told["first"][0]["left"] == {"dataset": "a.seed0.sft.checkpoint", "md5": "a"}
    assert told["first"][0]["differences"] == [{"kind": "setting", "name": "arm", "left": "a", "right": "b"}]
