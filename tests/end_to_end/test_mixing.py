"""`kedro run --pipelines mixing`, killed at any point and run again: nothing is done twice, and nothing differs."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import DATA, Run, environment

# Parts so small that each step has many tasks, which are then done by worker processes.
MIXING = ("kedro", "run", "--env", "test", "--pipelines", "mixing")
SMALL_PARTS = ("--params", "corpus.part_bytes=30000")


def _results(study: Path) -> dict[str, bytes]:
    """Everything that the mixing pipeline made, but for the records of when it did."""
    folders = ("03_primary/corpus_documents", "04_feature", "05_model_input")
    files = (path for folder in folders for path in (study / DATA / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(study)): path.read_bytes() for path in files}


def _tasks(study: Path) -> dict[str, int]:
    """Finished tasks, and when each was."""
    tasks = study / DATA / "00_scratch/tasks"
    return {str(path.parent.relative_to(tasks)): path.stat().st_mtime_ns for path in tasks.glob("*/[!.]*/task.json")}


@pytest.fixture(scope="module")
def mixed(study: Path, run: Run) -> Path:
    run("kedro", "run", "--env", "test", "--pipelines", "synthesis")
    run(*MIXING, *SMALL_PARTS)
    return study


def test_a_killed_run_repeats_only_what_was_not_finished(mixed: Path, run: Run) -> None:
    expected, all_tasks = _results(mixed), _tasks(mixed)
    assert len(all_tasks) > 50
    subprocess.run(["rm", "-rf", *(str(mixed / DATA / name) for name in ("00_scratch", "04_feature"))], check=True)
    finished: dict[str, int] = {}
    for share in (0.1, 0.4, 0.7):
        child = subprocess.Popen(
            [*MIXING, *SMALL_PARTS],
            cwd=mixed,
            env=environment(mixed),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while len(_tasks(mixed)) < share * len(all_tasks):
            assert child.poll() is None, "finished before it was killed"
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        now = _tasks(mixed)
        assert finished.items() <= now.items(), "what was finished was done again"
        finished = now
    run(*MIXING, *SMALL_PARTS)
    assert finished.items() <= _tasks(mixed).items()
    assert _results(mixed) == expected


def test_the_size_of_the_parts_changes_no_token(mixed: Path, run: Run) -> None:
    def streams() -> dict[str, bytes]:
        return {name: found for name, found in _results(mixed).items() if "05_model_input" in name}

    small = streams()
    run(*MIXING)
    large = streams()
    assert small.keys() == large.keys()
    changed = {name for name in small if small[name] != large[name]}
    assert not changed


def test_training_reads_the_same_from_a_stream_that_is_not_written_out(mixed: Path, run: Run) -> None:
    planned = ("--params", "streams=planned")
    weights = []
    for how in (planned, ()):
        run(*MIXING, *how)
        run("kedro", "run", "--env", "test", "--pipelines", "pretraining", "--namespaces", "unfiltered", *how)
        found = sorted((mixed / DATA / "06_models").rglob("model.safetensors"))
        weights.append([path.read_bytes() for path in found])
        assert bool(list((mixed / DATA / "05_model_input").rglob("*.pieces"))) == bool(how)
    assert weights[0] == weights[1] and weights[0]


def test_every_document_is_accounted_for(mixed: Path) -> None:
    account = pd.read_csv(mixed / DATA / "08_reporting/corpus_account.csv")
    assert account.read.tolist() == account[["quarantined", "held_out", "flagged", "kept"]].sum(axis=1).tolist()
    assert account.flagged.sum() > 0


def test_any_place_of_a_stream_can_be_looked_at(mixed: Path, run: Run) -> None:
    shown = run(
        "kedro", "inspect", "--env", "test", "--at", "9000", "--tokens", "30", "unfiltered", "pretraining"
    ).stdout
    assert "tokens 9,000 to" in shown


def test_a_source_that_cannot_be_read_is_one_clear_message(study: Path, run: Run, mixed: Path) -> None:
    parameters = study / "conf/test/parameters.yml"
    text = parameters.read_text()
    parameters.write_text(text.replace("{packages: {networkx: null}, max_bytes: 400_000}", "{files: nowhere/*.jsonl}"))
    refused = run(*MIXING, code=1)
    parameters.write_text(text)
    assert "no file matches nowhere/*.jsonl" in refused.stderr
    assert "Traceback" not in refused.stderr
