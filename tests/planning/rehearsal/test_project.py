"""The project of a rehearsal, and what its commands are told."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from alignment_pretraining.planning.rehearsal import project
from alignment_pretraining.planning.rehearsal.project import lay_out, variables
from alignment_pretraining.planning.rehearsal.shrink import shrink
from tests.conftest import PROJECT
from tests.planning.preflight.test_preflight import parameters, written


def test_code_and_texts_are_those_of_the_project_and_parameters_are_the_small_ones(tmp_path: Path) -> None:
    small = shrink(written("english"), parameters("english"))
    assert lay_out(PROJECT, "english", small, parameters("english"), tmp_path) == [], "nothing is read by name"
    own = tmp_path / "conf/english"
    assert sorted(path.name for path in own.iterdir()) == ["parameters.yml"]
    assert yaml.safe_load((own / "parameters.yml").read_text()) == small
    assert (tmp_path / "conf/base/catalog.yml").read_bytes() == (PROJECT / "conf/base/catalog.yml").read_bytes()
    assert (tmp_path / "conf/local").is_dir() and not list((tmp_path / "conf/local").iterdir())
    here = Path(project.__file__).relative_to(PROJECT / "src")
    assert (tmp_path / "src" / here).is_file() and not list((tmp_path / "src").rglob("__pycache__"))
    assert (tmp_path / "data/01_raw/phrases").resolve() == (PROJECT / "data/01_raw/phrases").resolve()
    assert not (tmp_path / "environments").exists() and not (tmp_path / "data/08_reporting").exists()


def test_base_keeps_its_catalog_and_has_the_small_parameters_alone(tmp_path: Path) -> None:
    lay_out(PROJECT, "base", shrink(written("base"), parameters("base")), parameters("base"), tmp_path)
    names = {path.name for path in (tmp_path / "conf/base").glob("*.yml")}
    assert names == {"catalog.yml", "parameters.yml"}
    assert (tmp_path / "conf/base/prompts").is_dir()


def test_benchmarks_are_found_in_the_hubs_cache_of_the_rehearsal(tmp_path: Path) -> None:
    spec = parameters("gpu")
    values = written("gpu") | {"corpus": written("gpu")["corpus"] | {"sources": [{"files": "none.jsonl"}]}}
    tasks = {name: written("gpu")["capability"]["tasks"][name] for name in ("piqa", "arc_easy")}
    values |= {"capability": values["capability"] | {"tasks": tasks}}
    names = lay_out(PROJECT, "gpu", shrink(values, spec), spec, tmp_path)
    assert {"baber/piqa", "allenai/ai2_arc"} <= set(names)
    cache = tmp_path / ".cache/huggingface/hub"
    assert sorted(path.name for path in cache.iterdir()) == ["datasets--allenai--ai2_arc", "datasets--baber--piqa"]


def test_commands_of_a_rehearsal_are_kept_from_what_is_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEDRO_ENV", "MLFLOW_TRACKING_URI", "SLURM_JOB_ID"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("MINE", "kept")
    with variables(tmp_path, parameters("base")) as found:
        assert not found.keys() & {"KEDRO_ENV", "MLFLOW_TRACKING_URI", "SLURM_JOB_ID", "ANTHROPIC_BASE_URL"}
        assert found["MINE"] == "kept"
        assert (found["CUDA_VISIBLE_DEVICES"], found["HF_HUB_OFFLINE"]) == ("", "1")
        assert found["PYTHONPATH"] == str(tmp_path / "src")
        assert found["PATH"].split(os.pathsep)[0] == str(tmp_path / "slurm")
        assert found["PATH"].endswith(os.environ["PATH"])
    assert os.environ["KEDRO_ENV"] == "theirs"


def test_slurm_of_a_rehearsal_is_found_first_and_has_no_jobs(tmp_path: Path) -> None:
    with variables(tmp_path, parameters("base")) as found:
        done = subprocess.run(["squeue", "--name=any"], env=found, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
