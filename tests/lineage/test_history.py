"""A number's history from records alone: of this project, or of another one's folder."""

import shutil
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.history import gathered_arm, label_of, read_history
from tests.lineage.small_graph import Small

CHECKPOINT = "a.seed0.pretraining.checkpoint"


def test_a_history_has_what_the_number_rests_on_inputs_first(run_small: Small) -> None:
    found = read_history(run_small.graph, "rate/a")
    assert list(found.steps) == ["words", "tokens", CHECKPOINT, "rates"]
    assert (found.asked, found.number.value) == ("rate/a", 0.3)
    graph = run_small.graph
    assert {name: step.digest for name, step in found.steps.items()} == {
        name: graph.digest(name) for name in found.steps
    }
    assert found.steps["words"].record is None
    assert found.steps[CHECKPOINT].inputs == ("tokens",)
    assert found.steps["rates"].inputs == (CHECKPOINT,), "the other arm is none of its"


@pytest.mark.parametrize("place", ["", "data"])
def test_another_projects_number_is_read_by_folder(small: Small, tmp_path: Path, place: str) -> None:
    other = Small(tmp_path / "other")
    other.run()
    found = read_history(small.graph, f"{other.root / place}::rate/b")
    assert found.number.value == 0.34
    assert "b.seed0.pretraining.checkpoint" in found.steps


def test_a_history_needs_no_files_but_records_and_the_table(run_small: Small) -> None:
    shutil.rmtree(run_small.root / "data/models")
    (run_small.root / "data/tokens.json").unlink()
    assert list(read_history(run_small.graph, "rate/a").steps) == ["words", "tokens", CHECKPOINT, "rates"]


def _edited(small: Small) -> None:
    small.make("rates", (small.root / "data/rates.csv").read_text().replace("0.3,", "0.4,"))


def _without_record(small: Small) -> None:
    (small.root / "data/lineage/reporting/reporting/reporting.report.json").unlink()


@pytest.mark.parametrize("damage", [_edited, _without_record])
def test_a_table_that_is_not_as_recorded_is_not_compared(run_small: Small, damage: object) -> None:
    assert callable(damage)
    damage(run_small)
    with pytest.raises(UserError) as error:
        read_history(run_small.graph, "rate/a")
    assert str(error.value) == (
        f"{run_small.root / 'data/rates.csv'} is not what its record says; make it again there before it is compared"
    )


def test_a_record_of_another_version_is_named(run_small: Small) -> None:
    path = run_small.root / "data/lineage/mixing/corpus/corpus.tokenize.json"
    path.write_text('{"node": "corpus.tokenize"}')
    with pytest.raises(UserError, match=r"corpus\.tokenize\.json is not a lineage record of this version"):
        read_history(run_small.graph, "rate/a")


def test_folders_without_records_or_numbers_are_named(small: Small, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none: no records there: neither in lineage/ nor in data/lineage/"):
        read_history(small.graph, f"{tmp_path}/none::rate/a")
    (tmp_path / "empty/lineage").mkdir(parents=True)
    with pytest.raises(UserError, match=r"empty: there are no numbers yet; make them there: dvc repro"):
        read_history(small.graph, f"{tmp_path}/empty::rate/a")
    with pytest.raises(UserError, match="there are no numbers yet"):
        read_history(small.graph, "rate/a")


@pytest.mark.parametrize(
    ("dataset", "label", "arm"),
    [
        ("a.seed0.sft.items", "a.seed0.sft", None),
        ("a.items", None, "a"),
        ("a.curves", None, "a"),
        ("a.other", None, None),
        ("items", None, None),
        ("files:mine/a.items", None, None),
        ("a.seed0.checkpoints", None, None),
        ("rates", None, None),
    ],
)
def test_datasets_of_a_training_and_of_an_arm_are_told_apart(dataset: str, label: str | None, arm: str | None) -> None:
    found = label_of(dataset)
    assert (str(found) if found else None, gathered_arm(dataset)) == (label, arm)
