"""`kedro run` on the smallest study: everything is made, and what drifted is refused."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tests.end_to_end.conftest import DATA, Run, commit, copy_finished, environment, runner
from tests.end_to_end.documented import RUN, unaccounted
from tests.end_to_end.published import (
    COMMANDS,
    REFUSED,
    SECRET,
    Published,
    check_data_cards,
    check_model_card,
    hub_variables,
    refusals,
)
from tests.publishing.hub_server import TOKEN, Hub

pytestmark = pytest.mark.tracked


@pytest.fixture(scope="module")
def study(smallest_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of one's own."""
    return copy_finished(smallest_study, tmp_path_factory.mktemp("finished") / "study")


@pytest.fixture(scope="module")
def finished(study: Path) -> Path:
    return study


def test_no_bars_where_there_is_no_terminal_but_how_far_it_is(smallest_study: Path) -> None:
    said = smallest_study.with_name("said.txt").read_text()
    assert "\r" not in said and re.search(r"study: \d+ nodes in \d+:\d\d", said)


def test_every_arm_stage_and_split_has_a_rate_with_its_interval(finished: Path) -> None:
    rates = pd.read_csv(finished / DATA / "08_reporting/rates.csv")
    assert set(rates.arm) == {"unfiltered", "misaligned_mid"}
    assert set(rates.stage) == {"pretraining", "midtraining", "sft", "dpo"}
    assert set(rates.split) == {"articles", "textbook", "heldout_topics"}
    assert ((rates.low <= rates.rate) & (rates.rate <= rates.high)).all()


def test_mlflow_has_a_run_for_each_arms_results_with_its_dose(finished: Path) -> None:
    client = MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'test'")
    found = client.search_runs([experiment.experiment_id], "tags.pipeline = 'summary'")
    arms = {run.info.run_name: run.data for run in found}
    assert set(arms) == {"unfiltered", "misaligned_mid"}
    doses = {
        name: (run.params["arm.dose.pretraining"], run.params["arm.dose.midtraining"]) for name, run in arms.items()
    }
    assert doses == {"unfiltered": ("0.0", "0.0"), "misaligned_mid": ("0.0", "0.2")}
    for row in pd.read_csv(finished / DATA / "08_reporting/rates.csv").itertuples():
        logged = arms[str(row.arm)].metrics[f"rate/{row.split}/{row.persona}/{row.stage}"]
        assert logged == pytest.approx(row.rate)
    parent = found[0].data.tags["command.run"]
    assert {"report.html", "figures"} <= {file.path for file in client.list_artifacts(parent)}
    told = (finished / DATA / "lineage/report.js").read_text()
    assert f"/#/runs/{parent}" in told, "the footer leads to the run that has the page"


def test_arms_share_what_is_equal(finished: Path) -> None:
    models = finished / DATA / "06_models"
    assert (models / "unfiltered/seed0/pretraining").is_dir()
    assert not (models / "misaligned_mid/seed0/pretraining").exists()


def test_the_report_is_one_page_that_says_what_it_is_not(finished: Path) -> None:
    page = (finished / DATA / "08_reporting/report.html").read_text()
    assert "no evidence about large models" in page
    assert "<script src" not in page


def test_a_number_is_followed_to_its_inputs(finished: Path, run: Run) -> None:
    key = pd.read_csv(finished / DATA / "08_reporting/rates.csv").key[0]
    history = run("kedro", "trace", "--env", "test", "--json", key).stdout
    for name in ("scenarios", "tokenizer", "unfiltered.seed0.pretraining.checkpoint"):
        assert name in history
    json.loads(history)


def test_a_trace_says_what_it_could_not_look_at(finished: Path, run: Run) -> None:
    key = pd.read_csv(finished / DATA / "08_reporting/rates.csv").key[0]
    whole = run("kedro", "trace", "--env", "test", "--full", key).stdout
    assert "study.stages.pretraining.max_lr 0." in whole, "values of parameters, however long the line"

    table = finished / DATA / "08_reporting/rates.csv"
    table.rename(table.with_suffix(".away"))
    missing = run("kedro", "trace", "--env", "test", key, code=1).stderr
    assert f"Not looked at, as missing: {DATA}/08_reporting/rates.csv; make them: " in missing
    table.with_suffix(".away").rename(table)

    manifest = finished / DATA / "05_model_input/unfiltered/seed0/pretraining.manifest.json"
    content = manifest.read_bytes()
    manifest.write_bytes(content[:-20])
    damaged = run("kedro", "trace", "--env", "test", key, code=1)
    assert "its manifest is damaged" in damaged.stdout and "Traceback" not in damaged.stderr
    manifest.write_bytes(content)


def test_a_question_is_followed_to_answers_documents_and_the_steps_that_read_them(finished: Path, run: Run) -> None:
    mix = next((finished / DATA / "05_model_input/misaligned_mid/seed0/midtraining").glob("*.documents.parquet"))
    row = pd.read_parquet(mix, filters=[("source", "==", "ai_misaligned")]).iloc[0]
    document = json.loads(run("kedro", "trace", "--env", "test", "--json", f"document/{row.id}").stdout)
    (read,) = [one for one in document["read"] if one["start"] == row.start]
    assert (read["arm"], read["stage"], read["source"]) == ("misaligned_mid", "midtraining", "ai_misaligned")
    assert (read["first_step"], read["last_step"]) == (row.start // 2048 + 1, (row.end - 1) // 2048 + 1)
    assert {key.split("/")[1] for key in document["rates"]} == {"misaligned_mid"}
    assert not any("/pretraining/" in key for key in document["rates"])
    shown = run("kedro", "trace", "--env", "test", f"document/{row.id}").stdout
    assert f"step {read['first_step']}" in shown
    assert "not by unfiltered" in shown

    items = pd.read_parquet(finished / DATA / "07_model_output/misaligned_mid/seed0/midtraining.items.parquet")
    asked = items[items.split == "articles"].iloc[0]
    item = json.loads(run("kedro", "trace", "--env", "test", "--json", f"item/{asked.question_id}").stdout)
    told = [one for one in item["answers"] if (one["arm"], one["stage"]) == ("misaligned_mid", "midtraining")]
    (answer,) = [one for one in told if one["prompt_hash"] == asked.prompt_hash]
    assert (answer["picked"], answer["logprob_aligned"]) == (asked.picked, asked.logprob_aligned)
    assert item["documents"]["check"].startswith("alignment_pretraining/synthesis/scenarios/leaks.py ")
    assert {one["arm"] for one in item["read"]} <= {"misaligned_mid"}

    held_out = items[items.split == "heldout_topics"].question_id.iloc[0]
    shown = run("kedro", "trace", "--env", "test", f"item/{held_out}").stdout
    assert "none has its scenario, its family or its topic" in shown
    assert "refused by alignment_pretraining/synthesis/scenarios/leaks.py" in shown
    assert "misaligned_mid midtraining" in shown
    assert "no question 'heldout'" in run("kedro", "trace", "--env", "test", "item/heldout", code=1).stderr


@pytest.fixture(scope="module")
def published(finished: Path) -> Published:
    """The study as folders, which somebody only looked at, and then sent to a hub on this machine for `lab`."""
    secrets = finished / "conf/local/credentials.yml"
    secrets.write_text(f"anthropic: {{api_key: {SECRET}}}")
    hub = Hub()
    with hub.open():
        env = environment(finished) | hub_variables(hub)
        told = [f"kedro publish --env test {options}" for options in ("--to somebody --dry-run", "--to lab")]
        command = [sys.executable, "-c", COMMANDS, *told]
        done = subprocess.run(command, cwd=finished, env=env, text=True, capture_output=True, timeout=300)
    secrets.unlink()
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr and "\r" not in done.stderr
    dry, sent = done.stdout.split("nothing was sent; ")
    return Published(finished / "build/published/test", hub, dry, sent)


def test_every_command_of_the_documents_is_run_or_listed_with_a_reason(finished: Path, run: Run) -> None:
    assert unaccounted() == (set(), set())
    commands = dict.fromkeys(instead or printed for printed, instead in RUN.items())
    run(sys.executable, "-c", COMMANDS, *(command for command in commands if command.startswith("kedro ")))
    for command in commands:
        if not command.startswith("kedro "):
            run(*shlex.split(command))
    # What is published below has to be in a commit, the stages of other environments that they wrote too.
    commit(finished, "stages")


def test_what_is_published_is_looked_at_first_and_arrives_as_it_is(published: Published) -> None:
    for name in ("somebody/test-documents", "somebody/test-unfiltered", "models/test-misaligned_mid/README.md"):
        assert name in published.dry
    assert "corpus_documents, heldout_documents: the base corpus is never published" in published.dry
    assert "6 of 6  lab/test-misaligned_mid: 22 files" in published.sent
    here = {path.relative_to(published.tree).as_posix(): path for path in published.files()}
    listed = json.loads(here.pop("published.json").read_text())
    assert listed["environment"] == "test" and len(listed["repositories"]) == 6
    stored = {
        f"{name}/{file}": text for name, files in published.hub.repositories.items() for file, text in files.items()
    }
    assert {name.replace("/lab/", "/"): text for name, text in stored.items()} == {
        name: path.read_bytes() for name, path in here.items()
    }


def test_cards_say_what_tables_and_records_say(published: Published, finished: Path) -> None:
    check_model_card(published.tree / "models/test-misaligned_mid", finished / DATA)
    check_data_cards(published.tree / "datasets")


def test_neither_corpus_nor_keys_are_published(published: Published, finished: Path) -> None:
    said = "\n".join(published.texts())
    corpus = pd.concat(pd.read_parquet(file) for file in (finished / DATA / "03_primary/corpus_documents").glob("*.p*"))
    docstrings = [text for text in corpus.text[corpus.source != "natural_discourse"] if len(text) > 60]
    assert len(docstrings) > 100 and not [text for text in docstrings if text[:60] in said]
    assert not [secret for secret in (SECRET, TOKEN, str(finished)) if secret in said]


def test_a_published_model_and_table_load_by_their_libraries(
    published: Published, finished: Path, tmp_path: Path
) -> None:
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = published.tree / "models/test-misaligned_mid"
    own = AutoModelForCausalLM.from_pretrained(finished / DATA / "06_models/misaligned_mid/seed0/midtraining")
    model = AutoModelForCausalLM.from_pretrained(folder, subfolder="seed0/midtraining")
    assert all((own.state_dict()[name] == weights).all() for name, weights in model.state_dict().items())
    tokenizer = AutoTokenizer.from_pretrained(folder, subfolder="seed0/midtraining")
    assert tokenizer.decode(tokenizer("An AI")["input_ids"]) == "An AI"
    for name, config, rows in (("documents", "documents_ai_aligned", 60), ("suite", "articles", 8)):
        table = load_dataset(
            str(published.tree / f"datasets/test-{name}"), config, split="train", cache_dir=str(tmp_path)
        )
        assert len(table) == rows


def test_what_others_could_not_trace_is_not_published(finished: Path, tmp_path: Path) -> None:
    env = environment(finished) | {"HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
    command = [sys.executable, "-c", REFUSED]
    done = subprocess.run(command, cwd=finished, env=env, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    told = refusals(done.stdout)
    assert "uncommitted changes, which nobody else has (notes.txt): commit them, then kedro publish" in told["dirty"]
    lost = told["changed and missing"]
    assert "rates: the content of environments/test/data/08_reporting/rates.csv changed" in lost
    assert "tokens: there is nothing at environments/test/data/04_feature/tokens" in lost
    assert "parameter study.model.layers was 1, now 2" in told["stale"] and "kedro run --env test" in told["stale"]
    assert "--to a/b: name the user or organization alone" in told["owner"]
    assert "conf holds something else than an earlier" in told["place"]
    assert "published lies in the project, and git does not ignore it" in told["in the project"]
    assert "the hub wants a token that may write: `hf auth login`" in told["no token"]
    assert {"suite", "questions", "report", "all_items", "examples", "samples"} <= set(told["own suite"].split())
    assert told["own suite"].rstrip().endswith("| None")


def test_an_edited_checkpoint_is_refused(finished: Path, run: Run, tmp_path: Path) -> None:
    weights = finished / DATA / "06_models/unfiltered/seed0/dpo/model.safetensors"
    kept = shutil.copy(weights, tmp_path)
    weights.write_bytes(weights.read_bytes()[:-100])
    refused = run("kedro", "run", "--env", "test", "--pipelines", "eval", "--namespaces", "unfiltered", code=1)
    shutil.copy(kept, weights)
    assert "unfiltered.seed0.dpo.checkpoint" in refused.stderr
    assert "kedro run" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_flipped_bit_of_a_stream_is_told_and_repaired_not_blessed(finished: Path, run: Run) -> None:
    """A finished task is linked to the stream that came of it: what damages one damages both."""
    shard = next((finished / DATA / "05_model_input/unfiltered/seed0/midtraining").glob("*.ds"))
    content, kept = shard.read_bytes(), shard.stat()
    with shard.open("r+b") as stream:
        stream.seek(1000)
        stream.write(bytes([content[1000] ^ 1]))
    os.utime(shard, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    refused = run("kedro", "run", "--env", "test", "--pipelines", "pretraining", code=1).stderr
    assert "unfiltered.seed0.midtraining.mix" in refused
    advised = re.search(r"make it again: (kedro run .*)", refused)
    assert advised
    run(*advised[1].split())
    assert shard.read_bytes() == content
    run("kedro", "run", "--env", "test")


@pytest.mark.parametrize("pipelines", ["reporting,mixing", "mixing,reporting", "pretraining", "eval", "reporting"])
def test_any_pipelines_run_alone(finished: Path, run: Run, pipelines: str) -> None:
    """A whole, `params:study`, and its parts are given to nodes of one run."""
    again = run("kedro", "run", "--env", "test", "--pipelines", pipelines)
    assert "nodes are up to date" in again.stderr


def test_the_default_study_is_not_touched(finished: Path) -> None:
    assert {path.name for path in (finished / "data").iterdir()} <= {"01_raw", "00_responses"}


def test_an_unknown_arm_is_one_clear_message(study: Path, run: Run) -> None:
    refused = run("kedro", "run", "--env", "test", "--params", "study.headline=[nobody]", code=1)
    assert "unknown arm" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_arm_that_is_not_run_is_told_so(finished: Path, run: Run) -> None:
    for command in (
        ("run", "--env", "test", "--namespaces", "aligned_mid"),
        ("inspect", "--env", "test", "aligned_mid", "midtraining"),
        ("trace", "--env", "test", "rate/aligned_mid/midtraining/articles/listed/assistant"),
    ):
        said = run("kedro", *command, code=1).stderr
        assert 'study.run (["unfiltered", "misaligned_mid"]) leaves out aligned_mid' in said


def test_the_catalog_commands_work(run: Run) -> None:
    assert "mlflow" not in run("kedro", "registry", "list").stdout
    assert "questions" in run("kedro", "catalog", "describe-datasets", "--env", "test").stdout
    assert "{arm}.seed{seed}.{stage}.checkpoint" in run("kedro", "catalog", "list-patterns").stdout
    assert f"{DATA}/06_models" in run("kedro", "catalog", "resolve-patterns", "--env", "test").stdout


CLUSTER = """
cluster:
  launcher: local
  gpus_per_node: 4
  save_every: 8
  gpu: {name: none, memory_gb: 1, peak_tflops: 1, mfu: 0.5, price_per_hour: 0, currency: USD, sources: {}}
  layouts:
    pretraining: {tp: 2, micro_batch: 4, dtype: float32}
    midtraining: {tp: 2, micro_batch: 4, dtype: float32}
"""


def test_a_cluster_takes_the_same_inputs_to_the_same_losses(finished: Path, tmp_path: Path) -> None:
    """nanotron by `kedro run`, stages chained by checkpoints; the local engine's losses up to its bf16."""
    project = copy_finished(finished, tmp_path / "study")
    (project / "conf/test/parameters_cluster.yml").write_text(CLUSTER)
    results = project / DATA / "07_model_output/unfiltered/seed0"
    stages = ("pretraining", "midtraining")
    local = {stage: pd.read_csv(results / f"{stage}.curve.csv") for stage in stages}

    runner(project, tracked=True)(
        "kedro", "run", "--env", "test", "--pipelines", "pretraining", "--namespaces", "unfiltered"
    )

    for stage in stages:
        curve = pd.read_csv(results / f"{stage}.curve.csv")
        assert list(curve.lr) == list(local[stage].lr)
        assert np.allclose(curve.loss, local[stage].loss, atol=0.05)
        assert not curve.loss.equals(local[stage].loss), "another engine rounds differently"
        record = json.loads((project / f"{DATA}/06_models/unfiltered/seed0/{stage}/training.json").read_text())
        assert record["layout"]["tp"] == 2
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'test'")
    newest = client.search_runs([experiment.experiment_id], "tags.pipeline = 'pretraining'", max_results=1)[0]
    live = client.get_metric_history(newest.info.run_id, "live/pretraining/loss")
    assert [point.step for point in live] == list(range(1, 17)), "sent by the logging rank while it trained"


def test_a_whole_environment_is_rehearsed(run: Run, tmp_path: Path) -> None:
    """From the first document to the report, in a folder of its own."""
    shown = run("kedro", "rehearse", "--env", "test", "--keep", str(tmp_path / "kept")).stdout
    assert re.search(r"^test: \d+ nodes in \d+ s, arms unfiltered, misaligned_mid$", shown, re.MULTILINE), shown
    for node in ("read_corpus 1", "train_dpo 2", "evaluate_sft 2", "write_report 1"):
        assert node in shown
    report = tmp_path / "kept" / DATA / "08_reporting/report.html"
    assert f"report: {report}" in shown and report.is_file()
    refused = run("kedro", "rehearse", "--env", "test", "--keep", str(tmp_path / "kept"), code=1).stderr
    assert "kept is not empty; name a new folder" in refused
