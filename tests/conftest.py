"""Fixtures shared by all tests."""

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

from tests import real_slurm as slurm_itself

PROJECT = Path(__file__).parents[1]
# Files whose tests run whole studies, or command after command. Begun first, none of them is waited for at the end.
LONG = ("end_to_end/", "pretraining/", "post_training/", "lineage/", "synthesis/api/")


# How long an example takes on a busy machine says nothing.
hypothesis.settings.register_profile("steady", deadline=None, max_examples=50)
hypothesis.settings.load_profile("steady")


class _Loggers(dict[str, Any]):
    """All loggers by name. pytest 9.2 goes through them before each test, and threads of others may still add some."""

    def values(self) -> Any:
        return list(super().values())


def pytest_configure(config: pytest.Config) -> None:
    """Let commands keep what Python compiles; keep a worker of pytest-xdist, with its commands, to one core.

    A study of the tests is hardly faster on two, and every worker process of its own imports torch.
    """
    # Some containers forbid it, and then every command compiles the project again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    logging.Logger.manager.loggerDict = _Loggers(logging.Logger.manager.loggerDict)
    worker = getattr(config, "workerinput", None)
    if worker:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker["workerid"].removeprefix("gw")) % len(cores)]})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first."""

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        return next((number for number, start in enumerate(LONG) if path.startswith(start)), len(LONG))

    items.sort(key=place)


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """The folder with the files, whose names may have folders of their own."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def project() -> Path:
    """Root of this repository."""
    return PROJECT


@pytest.fixture
def study_config() -> dict[str, Any]:
    """The default study as it stands in `conf/base/study.yml`."""
    study: dict[str, Any] = yaml.safe_load((PROJECT / "conf/base/study.yml").read_text())["study"]
    return study


@pytest.fixture(scope="session")
def _slurm_conf() -> Iterator[Path]:
    if not slurm_itself.is_installed():
        pytest.skip("Slurm is not installed: apt install slurmctld slurmd slurm-client munge")
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, slurm_itself.running(Path(folder) / "it") as config:
        yield config


@pytest.fixture
def real_slurm(_slurm_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Slurm itself, on this machine alone, for the commands of the test; the file that configures it."""
    monkeypatch.setenv("SLURM_CONF", str(_slurm_conf))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")])))
    return _slurm_conf
