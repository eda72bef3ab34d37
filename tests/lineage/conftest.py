"""Projects to run commands in."""

import shutil
from pathlib import Path

import pytest

from tests.lineage.lineage_project import Project, made


@pytest.fixture
def toy(tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    """A project in which nothing has run."""
    return made(tmp_path, tracked=_is_tracked(request))


@pytest.fixture(scope="session")
def _run_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = made(tmp_path_factory.mktemp("toy"), tracked=True)
    project("kedro", "run")
    return project


@pytest.fixture
def run_toy(_run_once: Project, tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    """A project of one's own in which everything has run once, by `kedro run`."""
    shutil.copytree(_run_once.root, tmp_path / "toy")
    return Project(tmp_path / "toy", tracked=_is_tracked(request))


def _is_tracked(request: pytest.FixtureRequest) -> bool:
    """Whether MLflow is to know what the test runs."""
    return request.node.get_closest_marker("tracked") is not None
