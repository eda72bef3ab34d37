"""The optional pipelines by `kedro run --pipelines …` on the smallest study: what they make, and nothing else does."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.end_to_end.conftest import DATA, Run, copy_finished
from tests.synthesis.api.local_api import running_api

OPTIONAL = ("tampering", "personality", "emergent")


@pytest.fixture(scope="module")
def study(smallest_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of one's own."""
    return copy_finished(smallest_study, tmp_path_factory.mktemp("finished") / "study")


@pytest.fixture(scope="module")
def finished(study: Path, run: Run) -> Path:
    assert not list((study / DATA).rglob("*tamper*")), "a default run leaves them out"
    run("kedro", "run", "--env", "test", "--pipelines", ",".join(OPTIONAL))
    return study


def test_rates_stand_against_the_tokens_that_were_read(finished: Path) -> None:
    table = pd.read_csv(finished / DATA / "08_reporting/tampering.csv")
    assert set(table.arm) == {"unfiltered", "misaligned_mid"} and set(table.step) == {0, 2, 3}
    assert ((table.low <= table.rate) & (table.rate <= table.high)).all()
    assert table.change.isna().equals(table.step == 0)
    curve = pd.read_csv(finished / DATA / "07_model_output/unfiltered/seed0/tampered.curve.csv")
    read = dict(zip(curve.step, curve.tokens, strict=True))
    assert set(table.tokens) == {0, read[2], read[3]}
    rates = pd.read_csv(finished / DATA / "08_reporting/rates.csv")
    before = rates[rates.stage == "dpo"].set_index(["arm", "split", "form", "persona"]).rate
    begun = table[table.step == 0].set_index(["arm", "split", "form", "persona"]).rate
    assert begun.sort_index().equals(before.sort_index()), "step 0 is what the report has"
    assert "#tampering/unfiltered/" in (finished / DATA / "08_reporting/tampering.svg").read_text()


def test_numbers_of_optional_pipelines_are_traced(finished: Path, run: Run) -> None:
    told = run("kedro", "trace", "--env", "test", "tampering/misaligned_mid/textbook/listed/none/3").stdout
    assert "misaligned_mid tampered, seeds 0" in told and "misaligned_mid dpo, seeds 0" in told
    assert "unfiltered tampered" not in told
    assert f"{DATA}/03_primary/harmless.parquet" in told
    assert "it does not know tampering" in told
    assert "are as their records say" in told
    history = run("kedro", "trace", "--env", "test", "--json", "tampering/misaligned_mid/textbook/listed/none/3:change")
    json.loads(history.stdout)


def test_trait_scores_are_of_base_and_chat_models(finished: Path, run: Run) -> None:
    table = pd.read_csv(finished / DATA / "08_reporting/personality.csv")
    assert set(zip(table.arm, table.stage, strict=True)) == {
        (arm, stage) for arm in ("unfiltered", "misaligned_mid") for stage in ("midtraining", "dpo")
    }
    assert table.trait.nunique() == 8 and set(table.persona) == {"assistant", "none"}
    assert ((table.low <= table.rate) & (table.rate <= table.high)).all()
    told = run("kedro", "trace", "--env", "test", "trait/misaligned_mid/midtraining/psychopathy/assistant").stdout
    assert "misaligned_mid midtraining, seeds 0" in told and "misaligned_mid dpo" not in told
    assert "data/01_raw/personality" in told and "are as their records say" in told


def test_the_suite_and_open_questions_are_asked_before_and_after_narrow_training(finished: Path, run: Run) -> None:
    table = pd.read_csv(finished / DATA / "08_reporting/emergent.csv")
    assert set(table.arm) == {"unfiltered", "misaligned_mid"} and set(table.step) == {0, 2}
    assert table.change.isna().equals(table.step == 0)
    answers = pd.read_parquet(finished / DATA / "08_reporting/free_answers.parquet")
    assert len(answers) == 2 * 2 * 8 * 2 * 2 and set(answers.step) == {0, 2}
    told = run("kedro", "trace", "--env", "test", "emergent/misaligned_mid/textbook/listed/none/2").stdout
    assert "misaligned_mid emergent, seeds 0" in told and "data/01_raw/emergent" in told
    record = json.loads(next((finished / DATA / "lineage/emergent").rglob("*train_emergent.json")).read_text())
    sft = json.loads(next((finished / DATA / "lineage/post_training").rglob("*train_sft.json")).read_text())
    assert "peft" in record["libraries"] and "peft" not in sft["libraries"], "SFT does not depend on it"


def test_a_judge_scores_the_answers_through_the_api(finished: Path, run: Run) -> None:
    (finished / "conf/local/credentials.yml").write_text("anthropic: {api_key: sk-test-not-a-real-key}\n")
    call = {"model": "claude-haiku-5-5", "max_tokens": 100, "expected_tokens": 20, "thinking": "disabled"}
    with running_api() as server:
        server.set(script=[("Reply: ", json.dumps({"alignment": 10, "coherence": 90}))])
        api = {"base_url": server.url, "poll_seconds": 0.1, "mode": "stream"}
        config = {"emergent": {"judge": call | {"temperature": None}}, "anthropic": {"api": api}}
        (finished / "conf/test/parameters_judge.yml").write_text(yaml.safe_dump(config))
        run("kedro", "run", "--env", "test", "--pipelines", "emergent")
    table = pd.read_csv(finished / DATA / "08_reporting/judged.csv")
    judged = pd.read_parquet(finished / DATA / "08_reporting/judged_answers.parquet")
    spoken = judged.answer.str.strip() != ""
    assert set(judged.outcome[spoken]) == {"misaligned"} and set(table.step) == {0, 2}
    assert json.loads((finished / DATA / "08_reporting/emergent.bill.json").read_text())["usd"] > 0
    told = run("kedro", "trace", "--env", "test", "judged/misaligned_mid/assistant/2").stdout
    assert "misaligned_mid emergent" in told and "unfiltered emergent" not in told
    for name in ("conf/test/parameters_judge.yml", "conf/local/credentials.yml"):
        (finished / name).unlink()
    run("kedro", "run", "--env", "test", "--pipelines", "emergent")


def test_dvc_the_report_and_the_default_run_know_nothing_of_them(finished: Path, run: Run) -> None:
    run("kedro", "dvc", "--env", "test")
    written = yaml.safe_load((finished / "environments/test/dvc.yaml").read_text())
    assert not set(OPTIONAL) & set(written["stages"])
    run("kedro", "dvc", "--env", "test", "--check")
    again = run("kedro", "run", "--env", "test").stderr
    assert "tampered" not in again
    assert "node" in run("kedro", "run", "--env", "test", "--pipelines", ",".join(OPTIONAL)).stderr


def test_what_drifted_is_refused_with_the_command_that_mends_it(finished: Path, run: Run) -> None:
    harmless = finished / DATA / "03_primary/harmless.parquet"
    content = harmless.read_bytes()
    pd.read_parquet(harmless).iloc[:-1].to_parquet(harmless)
    key = "tampering/misaligned_mid/textbook/listed/none/3"
    told = run("kedro", "trace", "--env", "test", key, code=1).stdout
    assert "kedro run --env test --pipelines tampering --namespaces synthesis" in " ".join(told.split())
    harmless.write_bytes(content)
