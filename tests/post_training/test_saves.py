"""The saves and the curve of an unfinished stage, whatever a killed run left of them."""

import json
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.post_training.saves import CURVE, SAVES, add_row, clear, keep_save, newest_save, saved_step


def _written(trainer: Path, step: int, text: str = "weights") -> Path:
    folder = trainer / f"checkpoint-{step}"
    (folder / "shards").mkdir(parents=True)
    (folder / "shards" / "model").write_text(text)
    return folder


def test_a_save_takes_its_own_name_and_the_one_before_it_goes(tmp_path: Path) -> None:
    trainer = tmp_path / "trainer"
    assert newest_save(tmp_path) is None and saved_step(tmp_path) == 0
    for step in (8, 16, 104):
        _written(trainer, step)
        keep_save(trainer, tmp_path, step)
        assert newest_save(tmp_path) == tmp_path / SAVES / str(step) and saved_step(tmp_path) == step
    assert [path.name for path in (tmp_path / SAVES).iterdir()] == ["104"]
    assert (tmp_path / SAVES / "104/shards/model").read_text() == "weights" and not list(trainer.iterdir())


def test_a_step_that_is_saved_again_has_nothing_of_the_first_time(tmp_path: Path) -> None:
    (tmp_path / SAVES / "8").mkdir(parents=True)
    (tmp_path / SAVES / "8" / "half of it").touch()
    _written(tmp_path / "trainer", 8)
    keep_save(tmp_path / "trainer", tmp_path, 8)
    assert newest_save(tmp_path) and not (tmp_path / SAVES / "8" / "half of it").exists()


def test_a_save_that_is_damaged_is_named_with_the_way_out(tmp_path: Path) -> None:
    _written(tmp_path / "trainer", 8)
    keep_save(tmp_path / "trainer", tmp_path, 8)
    (tmp_path / SAVES / "8/shards/model").write_text("wei")
    with pytest.raises(UserError, match=r"model: 3 bytes, but 7 bytes were saved; delete .*saves/8 to go on from"):
        newest_save(tmp_path)


@pytest.mark.parametrize(("step", "left"), [(0, []), (2, [1, 2]), (3, [1, 2, 3]), (9, [1, 2, 3])])
def test_steps_after_the_save_are_dropped_from_the_curve(tmp_path: Path, step: int, left: list[int]) -> None:
    for number in (1, 2, 3):
        add_row(tmp_path, {"step": number, "loss": 1 / number})
    clear(tmp_path, tmp_path / "trainer", step)
    add_row(tmp_path, {"step": 99, "loss": 0.5})
    rows = [json.loads(line) for line in (tmp_path / CURVE).read_text().splitlines()]
    assert [row["step"] for row in rows] == [*left, 99]


def test_a_row_that_a_killed_run_was_writing_is_dropped(tmp_path: Path) -> None:
    add_row(tmp_path, {"step": 1, "loss": 2.0})
    with (tmp_path / CURVE).open("a") as stream:
        stream.write('{"step": 2, "lo')
    clear(tmp_path, tmp_path / "trainer", 1)
    assert (tmp_path / CURVE).read_text() == '{"step": 1, "loss": 2.0}\n'


def test_parts_of_a_save_are_dropped_and_what_else_the_trainer_has_stays(tmp_path: Path) -> None:
    trainer, work = tmp_path / "trainer", tmp_path / "new folder"
    _written(trainer, 8)
    (trainer / "runs").mkdir()
    clear(work, trainer, 0)
    assert [path.name for path in trainer.iterdir()] == ["runs"] and (work / CURVE).read_text() == ""
