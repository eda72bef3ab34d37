"""`kedro run --env released` with a small GPT-NeoX chat model and the published columns, from a hub cache, offline."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.planning.stand_ins.benchmarks import write_benchmarks
from tests.end_to_end.conftest import commit, runner
from tests.evaluation.small_models import COMMIT, cache_repository, cache_suite, save_small

HUB = "geodesic-research"
SUITE, MODEL = f"{HUB}/discourse-grounded-misalignment-evals", f"{HUB}/sfm_baseline_unfiltered_dpo"


@pytest.fixture(scope="module")
def released(study: Path) -> Path:
    """The environment with one checkpoint, on this machine's processor, asked in one wording."""
    told = {
        "everyday_facts": {"shots": 2, "metric": "acc"},
        "popqa": {"shots": 5, "metric": "contains", "hub": "akariasai/PopQA", "revision": "main"},
    }
    capability = {"limit": 4, "tasks": told}
    write_benchmarks(Capability.model_validate(capability), study / "data/01_raw", study / "hub", 8)
    (study / "conf/released/parameters_capability.yml").write_text(yaml.safe_dump({"capability": capability}))
    save_small(cache_repository(study / "hub", "model", MODEL), "gpt_neox", chat=True)
    cache_suite(study / "hub", SUITE)
    told = yaml.safe_load((study / "conf/released/study.yml").read_text())
    told["study"]["checkpoints"] = {"sfm_dpo": told["study"]["checkpoints"]["sfm_unfiltered_dpo"]}
    (study / "conf/released/study.yml").write_text(yaml.safe_dump(told))
    told = yaml.safe_load((study / "conf/released/parameters.yml").read_text())
    told["evaluation"] |= {"device": "cpu", "dtype": "float32", "threads": 1, "generation": {"tokens": 4}}
    told["evaluation"]["run"] |= {"templates": ["asked"], "chat_personas": ["none"]}
    sft = {"conversations": 16, "epochs": 1, "context": 128, "batch_size": 8}
    told |= {
        "tampering": {"sft": sft, "at": [1.0]},
        "emergent": {"sft": sft, "answers": {"samples": 1, "tokens": 4}, "personas": ["none"]},
        "personality": {"personas": ["none"]},
    }
    (study / "conf/released/parameters.yml").write_text(yaml.safe_dump(told))
    (study / ".git/info/exclude").write_text("hub\n")
    commit(study, "one checkpoint")
    return study


# As one process, which imports everything once.
COMMANDS = """
import sys
from pathlib import Path
from kedro.framework.cli.cli import KedroCLI
commands = KedroCLI(Path.cwd())
for command in sys.argv[1:]:
    commands([*command.split(), "--env", "released"], standalone_mode=False)
"""


def test_checkpoints_are_asked_and_set_beside_the_paper(released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(released / "hub"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    rate = "protocol/sfm_dpo/chat/generated/articles/listed/none"
    done = "capability/sfm_dpo/chat/popqa"
    told = runner(released)(
        sys.executable,
        "-c",
        COMMANDS,
        "run",
        f"trace {rate}",
        f"trace {rate} --full",
        f"trace {done}",
        "claims",
        "summary",
        "publish --to somebody --dry-run",
        "run --pipelines tampering,emergent,personality",
    ).stdout
    assert f"sfm_dpo: model:{MODEL}@main {COMMIT[:8]}" in told
    assert "✓ all" in told
    assert COMMIT in told
    printed = pd.read_csv(released / "environments/released/data/08_reporting/printed.csv")
    assert set(printed["version"]) == {"V", "D"}
    row = printed[printed["by_authors"] & (printed["version"] == "V") & (printed["split"] == "articles")].iloc[0]
    assert (row["arm"], row["protocol"], row["persona"], row["printed"]) == ("sfm_dpo", "generated", "none", 0.348)
    claimed = next(line for line in told.splitlines() if line.startswith("unfiltered post articles none"))
    assert claimed.split()[4:7] == ["~0.348", "±", "0.018"]
    assert claimed.rstrip().endswith(f"{row['verdict']}  sfm_dpo")
    assert "capability/sfm_dpo/chat/popqa = " in told and told.count("✓ all") == 2
    assert "✓ dataset:akariasai/PopQA@main" in told
    capability = pd.read_csv(released / "environments/released/data/08_reporting/capability.csv").set_index("task")
    assert capability.loc[["everyday_facts", "popqa"], "n_items"].to_list() == [4, 4]
    claimed = next(line for line in told.splitlines() if line.startswith("unfiltered post popqa"))
    assert claimed.split()[3] == "0.11" and claimed.rstrip().endswith("sfm_dpo")
    assert "capability  environments/released/data/08_reporting/capability.html" in told
    page = (released / "environments/released/data/08_reporting/protocols.html").read_text()
    assert page.count('data-claim="V"') == 2 * (printed["version"] == "V").sum()
    for name in ("tampering", "emergent"):
        table = pd.read_csv(released / f"environments/released/data/08_reporting/{name}.csv")
        assert set(table["arm"]) == {"sfm_dpo"} and set(table["step"]) == {0, 2}, name
    traits = pd.read_csv(released / "environments/released/data/08_reporting/personality.csv")
    assert set(traits["arm"]) == {"sfm_dpo"} and traits["trait"].nunique() == 8
