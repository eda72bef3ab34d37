"""Tasks are done once, wherever they run, and what was interrupted is taken up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.execution.store import TaskResult, hard_link, task_fingerprint
from alignment_pretraining.execution.tasks import run_tasks
from alignment_pretraining.mixing.filtering.flags import flag_part
from alignment_pretraining.mixing.tokens.encode import encode_part
from tests.execution.counting import square, times_done

HERE = Execution(launcher="in_process")
LOCAL = Execution(launcher="local")


def _run(folder: Path, values: list[Any], execution: Execution = HERE) -> list[TaskResult]:
    notes = folder / "notes"
    notes.mkdir(exist_ok=True)
    tasks = [(task_fingerprint(square, value), (notes, value)) for value in values]
    return run_tasks("squares", square, tasks, folder, execution)


def _squares(found: list[TaskResult]) -> list[str]:
    return [(task.folder / "square.txt").read_text() for task in found]


@pytest.mark.parametrize("where", ["in_process", "local", "slurm"])
def test_tasks_give_the_same_in_order_wherever_they_run(
    tmp_path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    execution = request.getfixturevalue("slurm") if where == "slurm" else Execution.model_validate({"launcher": where})
    found = _run(tmp_path, [5, 2, 9, 4, 7], execution)
    assert _squares(found) == ["25", "4", "81", "16", "49"]
    assert [task.told for task in found] == [{"root": value} for value in (5, 2, 9, 4, 7)]
    _run(tmp_path, [5, 2, 9, 4, 7], execution)
    assert [times_done(tmp_path / "notes", value) for value in (5, 2, 9, 4, 7)] == [1] * 5


def test_equal_tasks_are_done_once(tmp_path: Path) -> None:
    assert _squares(_run(tmp_path, [3, 3])) == ["9", "9"]
    assert times_done(tmp_path / "notes", 3) == 1


def test_only_what_is_new_is_done_and_what_is_no_longer_asked_for_goes(tmp_path: Path) -> None:
    first = _run(tmp_path, [1, 2])
    assert _squares(_run(tmp_path, [2, 3])) == ["4", "9"]
    assert [times_done(tmp_path / "notes", value) for value in (1, 2, 3)] == [1, 1, 1]
    assert not first[0].folder.exists()


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "unlist", "tear"])
def test_a_damaged_result_is_made_again(tmp_path: Path, damage: str) -> None:
    [task] = _run(tmp_path, [12])
    path = task.folder / "square.txt"
    if damage == "truncate":
        path.write_text("1")
    elif damage == "flip":  # by another name of the file, as an output has, and with its time put back
        other, time = tmp_path / "output", path.stat().st_mtime_ns
        hard_link(path, other)
        other.write_text("145")
        os.utime(other, ns=(time, time))
    elif damage == "delete":
        path.unlink()
    elif damage == "unlist":
        (task.folder / "task.json").unlink()
    else:
        (task.folder / "task.json").write_text('{"told": ')
    assert _squares(_run(tmp_path, [12])) == ["144"]
    assert times_done(tmp_path / "notes", 12) == 2


def test_a_result_that_was_only_touched_stays(tmp_path: Path) -> None:
    [task] = _run(tmp_path, [12])
    os.utime(task.folder / "square.txt", (0, 0))
    assert _squares(_run(tmp_path, [12])) == ["144"]
    assert times_done(tmp_path / "notes", 12) == 1


@pytest.mark.parametrize("where", ["in_process", "local", "slurm"])
def test_what_a_user_can_fix_is_told_without_a_traceback_and_the_rest_is_kept(
    tmp_path: Path, where: str, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    execution = request.getfixturevalue("slurm") if where == "slurm" else Execution.model_validate({"launcher": where})
    with pytest.raises(UserError, match=r"^-3 has no place here$"):
        _run(tmp_path, [1, 2, -3, 4], execution)
    assert "Traceback" not in capfd.readouterr().err
    _run(tmp_path, [1, 2, 3, 4], execution)
    assert times_done(tmp_path / "notes", 1) == 1


def test_a_killed_worker_is_an_error_and_the_next_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a worker process was killed"):
        _run(tmp_path, [1, "kill", 2, 3, 4], LOCAL)
    assert _squares(_run(tmp_path, [1, 2, 3, 4], LOCAL)) == ["1", "4", "9", "16"]


def test_a_killed_job_is_an_error_that_says_where_to_look(tmp_path: Path, slurm: Execution) -> None:
    with pytest.raises(UserError, match=r"1 of 3 tasks did not finish \(Slurm: .*1 FAILED\); see .*squares/jobs/logs"):
        _run(tmp_path, [1, "kill", 2], slurm)
    assert _squares(_run(tmp_path, [1, 2], slurm)) == ["1", "4"]
    assert times_done(tmp_path / "notes", 1) == 1


@pytest.mark.parametrize("where", ["in_process", "local"])
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, where: str) -> None:
    values = [1, 2, 3, 0.5, 4, 1.5, 5, 6]
    (tmp_path / "notes").mkdir()
    program = (
        "import sys; from pathlib import Path; from test_tasks import _run, Execution\n"
        "if __name__ == '__main__':\n"
        f"    _run(Path(sys.argv[1]), {values}, Execution.model_validate({{'launcher': {where!r}}}))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(program)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    child = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], env=os.environ | {"PYTHONPATH": path}, stderr=subprocess.DEVNULL
    )
    while not times_done(tmp_path / "notes", 1.5):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(0.5)  # workers end with their parent
    assert _squares(_run(tmp_path, values, Execution.model_validate({"launcher": where}))) == [
        str(value * value) for value in values
    ]
    assert times_done(tmp_path / "notes", 1) == 1
    assert times_done(tmp_path / "notes", 1.5) == 2


@pytest.mark.parametrize("where", ["in_process", "local"])
def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path, where: str) -> None:
    # A limit on the size of files stands in for the end of the disk: writing fails in the same way.
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from counting import big_file\n"
        "from test_tasks import Execution, UserError, run_tasks\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "    tasks = [(f'key{n}', 200_000 if n == 2 else 100) for n in range(5)]\n"
        f"    where = Execution.model_validate({{'launcher': {where!r}}})\n"
        "    try:\n"
        "        run_tasks('big', big_file, tasks, Path(sys.argv[1]), where)\n"
        "    except UserError as error:\n"
        "        print(error)\n"
    )
    (tmp_path / "run.py").write_text(program)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    found = subprocess.run(
        [sys.executable, str(tmp_path / "run.py"), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.endswith("the disk is full (File too large); make room and run again: what is finished stays\n")
    assert (tmp_path / "tasks/big/key0").is_dir()
    assert not (tmp_path / "tasks/big/key2").exists()


def test_the_fingerprint_knows_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = task_fingerprint(encode_part, "x", 1)
    assert before == task_fingerprint(encode_part, "x", 1) != task_fingerprint(encode_part, "x", 2)
    assert before != task_fingerprint(flag_part, "x", 1)
    monkeypatch.setattr("alignment_pretraining.core.code._version", lambda name: "another")
    assert task_fingerprint(encode_part, "x", 1) != before
