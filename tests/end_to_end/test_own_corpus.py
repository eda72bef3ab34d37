"""A user's own corpus is an input like any other: DVC, `kedro run` and `kedro trace` see what becomes of it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.end_to_end.conftest import DATA, copy_project, runner

WORDS = Path(__file__).read_text().split()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest study on two files of its user's, mixed by DVC."""
    project = copy_project(tmp_path_factory.mktemp("own") / "project")
    folder = project / "data/01_raw/mine"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        rows = [{"text": " ".join(generator.choice(WORDS, 120))} for _ in range(150)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = project / "conf/test/parameters.yml"
    conf = yaml.safe_load(file.read_text())
    conf["corpus"]["sources"] = [{"files": "data/01_raw/mine/*.jsonl"}]
    file.write_text(yaml.safe_dump(conf))
    run = runner(project)
    run("kedro", "dvc", "--env", "test")
    run("dvc", "init", "-q", "-f")
    run("dvc", "repro", "environments/test/dvc.yaml:mixing")
    return project


def test_dvc_knows_the_files(own: Path) -> None:
    run = runner(own)
    stages = yaml.safe_load((own / "environments/test/dvc.yaml").read_text())["stages"]
    assert "data/01_raw/mine" in stages["mixing"]["deps"]
    clean = run("dvc", "status", "environments/test/dvc.yaml:mixing").stdout
    assert "up to date" in clean
    record = json.loads(next((own / DATA / "lineage/mixing").rglob("*read_corpus.json")).read_text())
    assert record["inputs"]["files:data/01_raw/mine/*.jsonl"]


def test_a_file_that_was_cut_in_half_is_seen_and_read_again(own: Path) -> None:
    run, file = runner(own), own / "data/01_raw/mine/b.jsonl"
    text, time = file.read_bytes(), file.stat()
    lines = text.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[: len(lines) // 2]))
    os.utime(file, ns=(time.st_atime_ns, time.st_mtime_ns))
    assert "modified" in run("dvc", "status", "environments/test/dvc.yaml:mixing").stdout
    refused = run("kedro", "run", "--env", "test", "--pipelines", "pretraining", code=1).stderr
    assert "input files:data/01_raw/mine/*.jsonl changed (data/01_raw/mine)" in refused
    assert "kedro run --env test --pipelines mixing" in refused and "Traceback" not in refused
    run("kedro", "run", "--env", "test", "--pipelines", "mixing")
    account = (own / DATA / "08_reporting/corpus_account.csv").read_text()
    assert ",225," in account, "the file was read again"
    file.unlink()
    (own / "data/01_raw/mine/a.jsonl").unlink()
    refused = run("kedro", "run", "--env", "test", "--pipelines", "pretraining", code=1).stderr
    assert "input files:data/01_raw/mine/*.jsonl is missing" in refused
