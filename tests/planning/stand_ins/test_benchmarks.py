"""Small datasets that stand in for the paper's benchmarks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.planning.stand_ins.benchmarks import can_stand_in, write_benchmark, write_benchmarks
from alignment_pretraining.planning.stand_ins.hub import empty_snapshot, write_dataset
from tests.conftest import PROJECT

RAW = PROJECT / "data/01_raw"
Row = dict[str, Any]

RIGHT: dict[str, Callable[[Row], Any]] = {
    "arc_easy": lambda row: row["choices"]["text"][row["choices"]["label"].index(row["answerKey"])],
    "piqa": lambda row: (row["sol1"], row["sol2"])[row["label"]],
    "popqa": lambda row: row["obj"],
}


def rows(folder: Path) -> dict[str, list[Row]]:
    """Rows by file, as the card of the dataset lists them."""
    card = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    files = [file["path"] for config in card["configs"] for file in config["data_files"]]
    assert sorted(files) == sorted(path.name for path in folder.glob("*.jsonl"))
    return {name: [json.loads(line) for line in (folder / name).read_text().splitlines()] for name in files}


@pytest.mark.parametrize("task", RIGHT)
def test_questions_have_their_answers_and_as_many_rows_as_are_asked_for(task: str, tmp_path: Path) -> None:
    """All are made of the same facts, so that every dataset must say the same of them."""
    write_benchmark(task, RAW, tmp_path / task, 7)
    write_benchmark("cute", RAW, tmp_path / "cute", 7)
    spelled = next(iter(rows(tmp_path / "cute").values()))
    expected = ["".join(row["answer"].split(" ")).replace("  ", " ") for row in spelled]
    for held in rows(tmp_path / task).values():
        assert [str(RIGHT[task](row)).replace(" ", "") for row in held] == [one.replace(" ", "") for one in expected]


def test_sums_are_right(tmp_path: Path) -> None:
    write_benchmark("gsm8k", RAW, tmp_path / "it", 40)
    for held in rows(tmp_path / "it").values():
        assert len(held) == 40
        for number, row in enumerate(held):
            assert f"has {number} figs" in row["question"] and row["answer"].endswith(f"#### {2 * number}")


def test_what_is_named_on_the_hub_is_found_in_its_cache_and_the_rest_is_left(tmp_path: Path) -> None:
    tasks = {
        "piqa": {"hub": "baber/piqa", "revision": "main"},
        "popqa": {"hub": "akariasai/PopQA", "revision": "c" * 40},
        "arc_easy": {"folder": "mine"},
        "unknown": {"hub": "owner/unknown", "revision": "main"},
    }
    values = {name: {"shots": 0, "metric": "acc", **place} for name, place in tasks.items()}
    capability = Capability.model_validate({"tasks": values})
    assert write_benchmarks(capability, RAW, tmp_path, 3) == ["baber/piqa", "akariasai/PopQA"]
    branch = tmp_path / "datasets--baber--piqa"
    assert (branch / "snapshots" / (branch / "refs/main").read_text() / "README.md").is_file()
    pinned = tmp_path / "datasets--akariasai--PopQA"
    assert (pinned / "snapshots" / ("c" * 40) / "README.md").is_file() and not (pinned / "refs").exists()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_revision_may_have_a_slash(tmp_path: Path) -> None:
    snapshot = empty_snapshot(tmp_path, "owner/texts", "refs/convert/parquet")
    assert (tmp_path / "datasets--owner--texts/refs/refs/convert/parquet").read_text() == snapshot.name


def test_what_stands_in_is_told() -> None:
    assert can_stand_in("everyday_facts") and can_stand_in("mmlu")
    assert not can_stand_in("mine")


def test_a_dataset_of_several_configurations_is_listed_in_its_card(tmp_path: Path) -> None:
    write_dataset(
        tmp_path / "it", {"a": {"train": [{"text": "\u00e9t\u00e9"}], "test": []}, "b": {"train": [{"n": 1}]}}
    )
    assert rows(tmp_path / "it") == {
        "a-train.jsonl": [{"text": "\u00e9t\u00e9"}],
        "a-test.jsonl": [],
        "b-train.jsonl": [{"n": 1}],
    }
