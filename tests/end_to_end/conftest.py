"""A copy of this project in which the real commands run the smallest study."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

Run = Callable[..., subprocess.CompletedProcess[str]]
PROJECT = Path(__file__).parents[2]
DATA = "environments/test/data"  # of the smallest study
COPIED = (
    "conf",
    "src",
    "data/01_raw",
    "pyproject.toml",
    "requirements.lock",
    "dvc.yaml",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    ".telemetry",
)


def copy_project(to: Path) -> Path:
    """The project's own files under git in the folder `to`, without any result."""
    for name in COPIED:
        source, target = PROJECT / name, to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            own = ["local"] if name == "conf" else []  # src has a package of that name
            # What Python and numba compiled is copied, too: it is the same code, at the same times.
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.egg-info", *own))
        else:
            shutil.copy(source, target)
    (to / "conf/local").mkdir()  # a user's own, credentials among them, stays where it is
    for command in (("init", "-q"), ("config", "user.name", "test"), ("config", "user.email", "test@example.invalid")):
        subprocess.run(["git", *command], cwd=to, check=True, capture_output=True)
    commit(to, "study")
    return to


def commit(project: Path, message: str) -> None:
    """Commit all that git does not ignore."""
    for command in (("add", "-A"), ("commit", "-qm", message)):
        subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)


def environment(project: Path, *, tracked: bool = False) -> dict[str, str]:
    """The variables of a user's shell in `project`, which finds the programs beside this Python.

    Without tracking by MLflow a command is done sooner.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KEDRO_", "MLFLOW_", "DVC_"))}
    env |= {} if tracked else {"MLFLOW_TRACKING_URI": "none"}
    return env | {"PATH": path, "PYTHONPATH": str(project / "src"), "HF_HUB_OFFLINE": "1", "DVC_NO_ANALYTICS": "1"}


def runner(project: Path, *, tracked: bool = False) -> Run:
    """Runs a command in `project` as a user would, with this environment's programs."""
    env = environment(project, tracked=tracked)

    def run(*command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, cwd=project, env=env, text=True, capture_output=True, timeout=580)
        assert done.returncode == code, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


def bytes_of(data: Path) -> dict[str, str]:
    """md5 of every result; records say when and how long, scratch and Python's own cache are no results."""
    files = [path for path in data.rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
    return {
        str(path.relative_to(data)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in files
        if path.relative_to(data).parts[0] not in ("00_scratch", "lineage")
    }


@pytest.fixture(scope="session")
def smallest_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which `kedro run --env test` ended; to be copied, as all files and workers share it.

    What the command said is in `said.txt` beside it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "smallest"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "said.txt").exists():
            shutil.rmtree(folder / "study", ignore_errors=True)
            run = runner(copy_project(folder / "study"), tracked=True)
            (folder / "said.txt").write_text(run("kedro", "run", "--env", "test").stderr)
    return folder / "study"


def copy_finished(study: Path, to: Path) -> Path:
    """A copy of a project with its results, hard links among them."""
    subprocess.run(["cp", "-a", study, to], check=True)
    return to


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty copy of the project, shared by the tests of a file."""
    return copy_project(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def run(study: Path, request: pytest.FixtureRequest) -> Run:
    """Runs commands in the copy, in files with the mark `tracked` as MLflow is to know them."""
    return runner(study, tracked=request.node.get_closest_marker("tracked") is not None)
