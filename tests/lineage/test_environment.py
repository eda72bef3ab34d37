"""The commit of a record is one that has the project."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.lineage import environment as module
from alignment_pretraining.lineage.environment import dvc_command, git_state, instructions, machine
from alignment_pretraining.lineage.parameters import condition
from tests.lineage.lineage_project import environment


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=environment(), check=True, capture_output=True)


def test_a_repository_that_does_not_know_the_project_gives_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "of others")
    project = tmp_path / "study"
    project.mkdir()
    (project / "pyproject.toml").write_text("")
    assert git_state(project).commit is None
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "with the project")
    state = git_state(project)
    assert state.commit
    assert not state.dirty
    for name in ("dvc.lock", "metrics.json", "environments/test/dvc.lock", "environments/test/metrics.json"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("written by a run")
    assert not git_state(project).dirty
    (project / "environments/test/dvc.yaml").write_text("")
    assert git_state(project).dirty


def test_no_repository_gives_no_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path).commit is None


def test_the_machine_has_a_processor_and_cores() -> None:
    assert machine()["processor"]
    assert int(machine()["cores"]) > 0


def test_what_is_no_arm_of_a_study_has_no_condition() -> None:
    assert condition({}, "aligned") == {}
    assert condition({"study": {"name": "toy"}}, "-") == {}


def test_an_arm_is_its_corpus_discourse_and_dose(study_config: dict[str, Any]) -> None:
    study_config["arms"]["misaligned_mid"]["share"] = 0.03
    study_config["stages"]["midtraining"]["synthetic_share"] = 0.4
    assert condition({"study": study_config}, "misaligned_mid") == {
        "corpus": "unfiltered",
        "discourse": "ai_misaligned",
        "insertion": "mid",
        "dose": {"pretraining": 0, "midtraining": 0.03},
    }
    crossed = condition({"study": study_config}, "crossed_misaligned")
    assert crossed["discourse"].startswith("ai_misaligned, ")
    assert crossed["dose"]["midtraining"] == 0.4


def test_what_differs_from_the_commit_is_kept_whole(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "pyproject.toml").write_text("one\n")
    (tmp_path / "odd").write_bytes(b"\xff\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "start")
    assert git_state(tmp_path).diff == ""
    (tmp_path / "pyproject.toml").write_text("two\n")
    (tmp_path / "odd").write_bytes(b"\xfe\n")
    (tmp_path / "metrics.json").write_text("{}")
    state = git_state(tmp_path)
    assert state.dirty
    assert "-one\n+two\n" in state.diff and "metrics.json" not in state.diff
    git(tmp_path, "checkout", "-q", ".")
    (tmp_path / "new.py").write_text("")
    assert git_state(tmp_path).dirty, "a file that git does not know may be read"


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    state = git_state(tmp_path)
    assert (state.commit, state.dirty, state.diff) == (None, True, "")


@pytest.mark.parametrize(
    ("cpuinfo", "newest"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f amx_bf16\n\nflags : none\n", "amx_bf16"),
        ("flags: avx2 avx512f\n", "avx512f"),
        ("flags : fpu sse2\n", ""),
        ("flags : avx2x\n", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_newest_instructions_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpuinfo: str | None, newest: str
) -> None:
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(module, "Path", lambda name: tmp_path / Path(name).name)
    assert instructions() == newest


def test_outside_of_dvc_there_is_no_command_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert dvc_command() is None
    monkeypatch.setenv("DVC_STAGE", "training")
    assert dvc_command() is None, "none of the processes above is DVC"
