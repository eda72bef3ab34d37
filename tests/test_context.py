"""How configuration is read: environments beside each other, each file once, and what is wrong by its name."""

from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.context import EnvironmentConfigLoader
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.settings import CONFIG_LOADER_ARGS
from tests.conftest import write_files


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    files = {
        "base/catalog.yml": 'rates: {type: x, filepath: "${data:}/rates.csv"}',
        "base/catalog_more.yml": 'metrics: {filepath: "${environment:}/m.json"}',
        "base/study.yml": "study: {name: base, seeds: {base: [0, 1], post: [0]}}",
        "base/parameters_more.yml": "threads: 2",
        "gpu/study.yml": "study: {seeds: {base: [3]}}",
        "local/mine.yml": "not: read",
        "local/parameters.yml": "threads: 4",
    }
    return write_files(tmp_path / "conf", files)


def _loader(conf: Path, env: str | None = None, **command_line: Any) -> EnvironmentConfigLoader:
    return EnvironmentConfigLoader(str(conf), env, command_line, **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]


def test_each_environment_has_its_own_places_whichever_was_read_before(conf: Path) -> None:
    base, gpu = _loader(conf), _loader(conf, "gpu")
    places = [loader["catalog"]["rates"]["filepath"] for loader in (base, gpu, base)]
    assert places == ["data/rates.csv", "environments/gpu/data/rates.csv", "data/rates.csv"]
    assert gpu["catalog"]["metrics"]["filepath"] == "environments/gpu/m.json"
    assert base["catalog"]["metrics"]["filepath"] == "./m.json"


def test_an_environment_states_only_what_differs(conf: Path) -> None:
    assert _loader(conf, "gpu")["parameters"] == {
        "study": {"name": "base", "seeds": {"base": [3], "post": [0]}},
        "threads": 2,
    }


def test_a_users_own_values_stand_on_base_alone(conf: Path) -> None:
    assert _loader(conf)["parameters"]["threads"] == 4
    assert _loader(conf, "base")["parameters"]["threads"] == 2
    assert _loader(conf, "gpu")["parameters"]["threads"] == 2


def test_the_command_line_comes_last(conf: Path) -> None:
    found = _loader(conf, "gpu", study={"seeds": {"post": [9]}}, threads=8)["parameters"]
    assert found["study"]["seeds"] == {"base": [3], "post": [9]}
    assert found["threads"] == 8


def test_parameters_are_read_once(conf: Path) -> None:
    loader = _loader(conf)
    before = loader["parameters"]
    (conf / "base/study.yml").write_text("study: {name: other}")
    assert loader["parameters"] == before
    assert _loader(conf)["parameters"]["study"]["name"] == "other"


@pytest.mark.parametrize("key", ["parameters", "catalog"])
@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("base/study.yml", "study: {name: a, name: b}", "base/study.yml, line 1, column 18: key 'name' stands twice"),
        ("base/catalog.yml", "rates: {", "base/catalog.yml, line 1.*not valid YAML"),
        ("gpu/deep/er.yml", "a: !!python/name:os.system", "gpu/deep/er.yml, line 1, column 4: could not determine"),
        ("gpu/study.yml", "day: 2026-02-30", "gpu/study.yml, line 1, column 6: day is out of range"),
    ],
)
def test_a_damaged_file_is_named_whatever_is_asked_for(conf: Path, file: str, text: str, said: str, key: str) -> None:
    (conf / file).parent.mkdir(exist_ok=True)
    (conf / file).write_text(text)
    with pytest.raises(UserError, match=said):
        _loader(conf, "gpu")[key]


def test_files_of_other_environments_may_be_damaged(conf: Path) -> None:
    (conf / "gpu/study.yml").write_text("study: {")
    (conf / "local/parameters.yml").write_text("threads: [")
    assert _loader(conf, "base")["parameters"]["threads"] == 2
    with pytest.raises(UserError, match=r"local/parameters\.yml"):
        _loader(conf)["parameters"]


def test_an_environment_that_is_not_there_is_refused_before_anything_is_read(conf: Path) -> None:
    (conf / "base/study.yml").write_text("study: {")
    with pytest.raises(UserError, match=r"^conf/gpus: no such environment \(did you mean gpu\?\)"):
        _loader(conf, "gpus")["catalog"]
