"""Projects to run commands in."""

import shutil
from pathlib import Path

import pytest

from tests.lineage.lineage_project import Project, made


@pytest.fixture
def toy(tmp_path: Path) -> Project:
    """A project in which nothing has run."""
    return made(tmp_path)


@pytest.fixture(scope="session")
def _run_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = made(tmp_path_factory.mktemp("toy"))
    project("kedro", "run")
    return project


@pytest.fixture
def run_toy(_run_once: Project, tmp_path: Path) -> Project:
    """A project of one's own in which everything has run once, by `kedro run`."""
    shutil.copytree(_run_once.root, tmp_path / "toy")
    return Project(tmp_path / "toy")
