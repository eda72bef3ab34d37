"""The commit of a record is one that has the project."""

import subprocess
from pathlib import Path
from typing import Any

from alignment_pretraining.lineage.environment import git_state, machine
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
