"""`kedro run --env released` with a small GPT-NeoX chat model and the published columns, from a hub cache, offline."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.end_to_end.conftest import runner
from tests.evaluation.small_models import COMMIT, cache_repository, cache_suite, save_small

HUB = "geodesic-research"
SUITE, MODEL = f"{HUB}/discourse-grounded-misalignment-evals", f"{HUB}/sfm_baseline_unfiltered_dpo"


@pytest.fixture(scope="module")
def released(study: Path) -> Path:
    """The environment with one checkpoint, on this machine's processor, asked in one wording."""
    save_small(cache_repository(study / "hub", "model", MODEL), "gpt_neox", chat=True)
    cache_suite(study / "hub", SUITE)
    told = yaml.safe_load((study / "conf/released/study.yml").read_text())
    told["study"]["checkpoints"] = {"sfm_dpo": told["study"]["checkpoints"]["sfm_unfiltered_dpo"]}
    (study / "conf/released/study.yml").write_text(yaml.safe_dump(told))
    told = yaml.safe_load((study / "conf/released/parameters.yml").read_text())
    told["evaluation"] |= {"device": "cpu", "dtype": "float32", "threads": 1, "generation": {"tokens": 4}}
    told["evaluation"]["run"] |= {"templates": ["asked"], "chat_personas": ["none"]}
    (study / "conf/released/parameters.yml").write_text(yaml.safe_dump(told))
    return study


def test_checkpoints_are_asked_and_set_beside_the_paper(released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(released / "hub"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    run = runner(released)
    run("kedro", "run", "--env", "released")
    reporting = released / "environments/released/data/08_reporting"
    printed = pd.read_csv(reporting / "printed.csv")
    assert set(printed["version"]) == {"V", "D"}
    row = printed[printed["by_authors"] & (printed["version"] == "V") & (printed["split"] == "articles")].iloc[0]
    assert (row["arm"], row["protocol"], row["persona"], row["printed"]) == ("sfm_dpo", "generated", "none", 0.348)
    page = (reporting / "protocols.html").read_text()
    assert page.count('data-claim="V"') == 2 * (printed["version"] == "V").sum()
    rates = pd.read_csv(reporting / "protocol_rates.csv").set_index("key")
    told = run("kedro", "trace", "--env", "released", rates.index[0], "--full").stdout
    assert f"model:{MODEL}@main" in told
    assert COMMIT in told
