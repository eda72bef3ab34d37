"""Projects to run commands in."""

import shutil
from pathlib import Path

import pytest

from tests.lineage.lineage_project import Project, made
from tests.lineage.read_study import ReadStudy
from tests.lineage.small_graph import Small


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


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """A small study in which nothing has run, without commands."""
    return Small(tmp_path)


@pytest.fixture
def run_small(small: Small) -> Small:
    """A small study in which everything has run once, without commands."""
    small.run()
    return small


@pytest.fixture
def read_study(tmp_path: Path) -> ReadStudy:
    """A small study whose questions, documents, streams and answers are there."""
    study = ReadStudy(tmp_path)
    study.run_all()
    return study


def _is_tracked(request: pytest.FixtureRequest) -> bool:
    """Whether MLflow is to know what the test runs."""
    return request.node.get_closest_marker("tracked") is not None
