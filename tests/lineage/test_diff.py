"""Two numbers beside each other: the first inputs where they part, between arms, folders and commits."""

import json
import shutil
from pathlib import Path

import pytest

from alignment_pretraining.lineage.diff import compare
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
