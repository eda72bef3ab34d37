"""Where an environment's results lie, how its commands are typed, and which files its parameters are in."""

from pathlib import Path

import pytest

from alignment_pretraining.core.environments import (
    check_environment,
    data_folder,
    environment,
    environment_folder,
    environments,
    parameter_files,
    with_env,
)
from alignment_pretraining.core.errors import UserError
from tests.conftest import write_files


@pytest.mark.parametrize("env", [None, "", "base", "local"])
def test_base_and_local_are_the_project_itself(env: str | None) -> None:
    assert environment(env) == "base"
    assert environment_folder(env) == Path()
    assert data_folder(env) == Path("data")
    assert with_env("kedro run", env) == "kedro run"


def test_any_other_environment_has_a_folder() -> None:
    assert data_folder("gpu") == Path("environments/gpu/data")
    assert with_env("kedro run", "gpu") == "kedro run --env gpu"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    files = {
        "base/study.yml": "study: {name: a}",
        "base/parameters/mixing.yml": "corpus: {}",
        "base/catalog.yml": "words: {}",
        "base/catalog_more.yml": "more: {}",
        "base/notes.yml": "- a list",
        "base/empty.yml": "",
        "base/prompt.txt": "study: none",
        "gpu/study.yml": "study: {name: b}",
        "local/credentials.yml": "anthropic: {}",
        "local/mine.yml": "threads: 2",
        ".hidden/study.yml": "study: {}",
        "logging.yml": "version: 1",
    }
    return write_files(tmp_path / "conf", files)


def _names(conf: Path, env: str | None) -> list[str]:
    return [file.relative_to(conf).as_posix() for file, _ in parameter_files(conf, env)]


def test_base_comes_before_what_stands_on_it_and_the_catalog_is_no_parameter(conf: Path) -> None:
    base = ["base/parameters/mixing.yml", "base/study.yml"]
    assert _names(conf, "gpu") == [*base, "gpu/study.yml"]
    assert _names(conf, None) == [*base, "local/mine.yml"]
    assert _names(conf, "base") == base
    assert dict(parameter_files(conf, "gpu"))[conf / "gpu/study.yml"] == {"study": {"name": "b"}}


def test_a_damaged_file_is_named(conf: Path) -> None:
    (conf / "gpu/study.yml").write_text("study: [")
    with pytest.raises(UserError, match=r"gpu/study\.yml, line 1.*not valid YAML"):
        _names(conf, "gpu")
    assert len(_names(conf, "base")) == 2, "another environment's files are not read"


def test_environments_are_folders_and_local_is_none_of_its_own(conf: Path) -> None:
    assert environments(conf) == ["base", "gpu"]


@pytest.mark.parametrize("env", [None, "", "base", "gpu", "local"])
def test_an_environment_that_is_there_is_accepted(conf: Path, env: str | None) -> None:
    check_environment(conf, env)


def test_an_environment_that_is_not_there_is_told_with_those_that_are(conf: Path) -> None:
    with pytest.raises(UserError) as error:
        check_environment(conf, "gpus")
    assert str(error.value) == "conf/gpus: no such environment (did you mean gpu?); there are base, gpu"
    with pytest.raises(UserError, match=r"conf/logging\.yml: no such environment; there"):
        check_environment(conf, "logging.yml")
