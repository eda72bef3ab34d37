"""From a number back to its inputs."""

import json
import re
import sqlite3
from contextlib import closing
from decimal import Decimal
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import file_md5
from alignment_pretraining.lineage.numbers import TracedNumber, find_in, find_number, shown
from alignment_pretraining.lineage.trace import Trace, as_json, as_tree, owned, trace
from alignment_pretraining.reporting.differences import printed_difference
from tests.lineage.lineage_project import Project
from tests.lineage.small_graph import Small

STUDY = Path(__file__).parents[2] / "conf" / "base" / "study.yml"


def test_the_chain_of_a_number(run_toy: Project) -> None:
    told = json.loads(run_toy("kedro", "trace", "rate/a", "--json"))
    history = told["history"]
    assert set(history) == {
        "rates",
        "a.seed0.pretraining.scores",
        "a.seed0.pretraining.checkpoint",
        "tokens",
        "words",
    }
    assert told["matches"]
    assert told["value"] == 0.3
    made = history["a.seed0.pretraining.checkpoint"]["made_by"]
    assert made["outputs"]["a.seed0.pretraining.checkpoint"] == history["a.seed0.pretraining.checkpoint"]["md5"]
    assert made["inputs"]["tokens"] == history["tokens"]["md5"]
    assert history["words"]["made_by"] is None
    story = run_toy("kedro", "trace", "rate/a")
    for word in (
        "rate/a = 0.3",
        "95 % interval 0 to 1",
        "✓ a pretraining, seeds 0: ",
        "data/01_raw/words.txt",
        made["commit"][:10],
    ):
        assert word in story
    assert "✓ all 5 files and folders" in story
    assert len(story.splitlines()) < 24
    shown = run_toy("kedro", "trace", "rate/a", "--full")
    for word in ("data/01_raw/words.txt", made["mlflow_run"], made["commit"][:10], history["words"]["md5"]):
        assert word in shown


def test_drift_anywhere_in_the_chain_shows(run_toy: Project) -> None:
    run_toy.write("data/01_raw/words.txt", "changed")
    shown = run_toy("kedro", "trace", "rate/b", code=1)
    assert "input words changed (data/01_raw/words.txt)" in shown
    assert "Traceback" not in shown


def test_numbers_are_found_by_value(run_toy: Project) -> None:
    said = run_toy("kedro", "trace", "0.30", code=1)
    assert "2 numbers read 0.30" in said
    assert "rate/a" in said
    run_toy.replace(
        "data/08_reporting/rates.csv",
        "a,pretraining,articles,open,assistant,0.3,",
        "a,pretraining,articles,open,assistant,0.3141,",
    )
    for text in ("0.314", ".31", "31.4%"):
        assert "rate/a = 0.3141" in run_toy("kedro", "trace", text, code=1)
    assert "rate/a:high = 1" in run_toy("kedro", "trace", "rate/a:high", code=1)
    assert "rate/b:high" in run_toy("kedro", "trace", "1.0", code=1)  # every column is searched
    assert "rate/a" in run_toy("kedro", "trace", "rate/A", code=1)  # what is near
    assert "no number '0.77'" in run_toy("kedro", "trace", "0.77", code=1)


@pytest.mark.parametrize(
    ("text", "name"),
    [("1,228,801", "stream/a"), ("1228801", "stream/a"), ("+.854", "contrast/c"), ("\N{MINUS SIGN}0.5", "contrast/d")],
)
def test_a_value_is_asked_for_as_it_is_printed(text: str, name: str) -> None:
    tables = {
        "streams": [{"key": "stream/a", "tokens": 1_228_801}],
        "contrasts": [{"key": "contrast/c", "value": 0.8543}, {"key": "contrast/d", "value": -0.5}],
    }
    assert find_in(tables, text).name == name
    with pytest.raises(UserError, match="no number '1,2288,01'"):
        find_in(tables, "1,2288,01")


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 4))
def test_a_difference_is_found_by_what_a_reader_subtracts(left: float, right: float, digits: int) -> None:
    row = {"key": "gap/a", "rate": left, "reference_rate": right, "gap": left - right}
    printed = Decimal(f"{left:.{digits}f}") - Decimal(f"{right:.{digits}f}")
    assert Decimal(str(printed_difference("gaps", row, digits))).quantize(printed) == printed
    for text in (f"{printed:+}", f"{left - right:.{digits}f}"):
        try:
            assert find_in({"gaps": [row]}, text).name == "gap/a"
        except UserError as error:  # one of the two rates reads the same
            assert f"numbers read {text}" in str(error) and "gap/a\n" in f"{error}\n"


@pytest.mark.parametrize(
    ("value", "text"), [(1_228_801, "1,228,801"), (0.85431, "0.8543"), (12.0, "12"), (-0.5, "-0.5")]
)
def test_counts_are_shown_in_full(value: float, text: str) -> None:
    assert shown(value) == text


def test_what_several_numbers_read_is_listed_whole_when_asked_for() -> None:
    tables = {"contrasts": [{"key": f"contrast/{number}", "value": 0.5} for number in range(20)]}
    with pytest.raises(UserError, match=r"20 numbers read 0\.5; .*\(all of them: --full\)(?s:.*)… and 8 more"):
        find_in(tables, "0.5")
    with pytest.raises(UserError, match=r"contrast/19$"):
        find_in(tables, "0.5", every=True)


def test_an_unknown_environment_is_told(run_toy: Project) -> None:
    for command in (["trace", "rate/a"], ["summary"]):
        said = run_toy("kedro", *command, "--env", "tets", code=1)
        assert "conf/tets: no such environment" in said and "test" in said.partition("there are")[2]


def test_without_results(toy: Project) -> None:
    for command in (["trace", "rate/a"], ["summary"]):
        said = toy("kedro", *command, code=1)
        assert "dvc repro" in said
        assert "Traceback" not in said


def test_summary(run_toy: Project) -> None:
    said = run_toy("kedro", "summary")
    assert "0.30 (0.00\N{EN DASH}1.00)" in said
    assert "mlflow ui" in said


def test_arms_with_an_equal_history_lead_to_the_checkpoint_that_they_share() -> None:
    params = yaml.safe_load(STUDY.read_text())
    about = (("aligned_mid", "pretraining"), ("aligned_mid", "midtraining"), ("aligned_cpt", "midtraining"))
    assert owned(params, TracedNumber("rates", "key", "rate", 0.5, about, {})) == {
        ("unfiltered", "pretraining"),
        ("aligned_mid", "midtraining"),
        ("unfiltered", "midtraining"),
    }


def test_summary_refuses_rates_that_were_edited(run_toy: Project) -> None:
    run_toy.replace("data/08_reporting/rates.csv", "assistant,0.3,", "assistant,0.1,")
    said = run_toy("kedro", "summary", code=1)
    assert "these results are stale" in said
    assert "the content of data/08_reporting/rates.csv changed since" in said
    assert "0.10 (" not in said


def test_verify_reads_again_and_looks_beside_the_chain(run_toy: Project) -> None:
    assert "✓ all 5 files" in run_toy("kedro", "trace", "rate/a", "--verify")
    lock: Any = {"stages": {"eval": {"outs": [{"path": "data/scores/a/seed0/pretraining.json", "md5": "0" * 32}]}}}
    run_toy.write("dvc.lock", yaml.safe_dump(lock))
    run_toy("kedro", "trace", "rate/a")
    said = run_toy("kedro", "trace", "rate/a", "--verify", code=1)
    assert "dvc.lock, stage eval: data/scores/a/seed0/pretraining.json is not what DVC made" in said
    lock["stages"]["eval"]["outs"][0]["path"] = "data/none"
    run_toy.write("dvc.lock", yaml.safe_dump(lock))
    assert "there is nothing at data/none" in run_toy("kedro", "trace", "rate/a", "--verify", code=1)


def test_verify_asks_the_commits_that_records_name(run_toy: Project) -> None:
    for change in (("text.lower()", "text.upper()"), ("text.upper()", "text.lower()")):
        run_toy.replace("src/toy/text.py", *change)
        run_toy("git", "commit", "-qam", "another")
    other = run_toy("git", "rev-parse", "HEAD~1").strip()
    assert "✓ all 5 files" in run_toy("kedro", "trace", "rate/a", "--verify")
    (record,) = (run_toy.root / "data/lineage").rglob("corpus.tokenize.json")
    told = json.loads(record.read_text())
    for commit, why in (
        (other, f"corpus.tokenize was not made by commit {other[:10]}: toy/text.py is another there"),
        ("0" * 40, "commit 0000000000, which the records of corpus.tokenize name, is not in this repository"),
    ):
        record.write_text(json.dumps(told | {"commit": commit}))
        assert "✓ all 5 files" in run_toy("kedro", "trace", "rate/a")
        assert why in run_toy("kedro", "trace", "rate/a", "--verify", code=1)


def test_verify_asks_the_lock_file_of_the_commit(toy: Project) -> None:
    toy.write("requirements.lock", "# pins\npandas==0.1 ; python_version > '3'\n")
    toy("git", "commit", "-qam", "other pins")
    toy("kedro", "run")
    toy("kedro", "trace", "rate/a")
    said = toy("kedro", "trace", "rate/a", "--verify", code=1)
    assert f"used pandas {version('pandas')}, and requirements.lock of commit" in said
    assert "pins 0.1" in said


def test_verify_does_not_believe_the_cache(run_toy: Project) -> None:
    words = run_toy.root / "data/01_raw/words.txt"
    true = file_md5(words)
    words.write_text(words.read_text().upper())
    run_toy("kedro", "trace", "rate/a", code=1)  # which keeps the hash of what it reads
    (cache,) = (run_toy.root / ".cache").glob("digests-*.sqlite")
    with closing(sqlite3.connect(cache)) as known, known:
        changed = known.execute(
            "UPDATE digests SET digest = ? WHERE path = ? AND algorithm = 'md5'", (true, str(words))
        )
        assert changed.rowcount == 1
    run_toy("kedro", "trace", "rate/a")  # deceived
    assert "input words changed" in run_toy("kedro", "trace", "rate/a", "--verify", code=1)


def test_the_chain_as_a_diagram_and_as_a_page(run_toy: Project) -> None:
    chart = run_toy("kedro", "trace", "rate/a", "--mermaid").splitlines()
    assert chart[0] == "flowchart BT"
    boxes = {box[2]: box[1] for line in chart if (box := re.match(r'  (d\d+)\[\(?"(.*?)<br/>', line))}
    words, tokens = boxes["data/01_raw/words.txt"], boxes["data/tokens.json"]
    assert f"  {words} --> {tokens}" in chart
    assert f"  {boxes['data/08_reporting/rates.csv']} --> number" in chart
    assert "drifted" not in "".join(chart)

    run_toy.write("data/01_raw/words.txt", "changed")
    run_toy("kedro", "trace", "rate/a", "--html", "page.html", code=1)
    page = (run_toy.root / "page.html").read_text()
    assert not re.search(r"https?:|src=|<script|<link", page), "it needs nothing beside it"
    assert page.count("<details id=") == 5
    assert "input words changed" in page
    assert file_md5(run_toy.root / "data/tokens.json") in page
    assert "no such folder" in run_toy("kedro", "trace", "rate/a", "--html", "none/page.html", code=1)


def test_the_shell_completes_keys(run_toy: Project) -> None:
    complete = ("env", "_KEDRO_COMPLETE=bash_complete", "COMP_CWORD=2", "COMP_WORDS=kedro trace rate/", "kedro")
    assert run_toy(*complete).splitlines() == ["plain,rate/a", "plain,rate/b"]


def _traced(small: Small, key: str = "rate/a") -> Trace:
    return trace(small.graph, find_number(small.graph, key))


def test_a_number_rests_on_its_own_arm_and_its_own_training(run_small: Small) -> None:
    found = _traced(run_small)
    assert list(found.digests) == ["rates", "a.seed0.pretraining.checkpoint", "tokens", "words"]
    assert found.matches
    assert found.inputs["rates"] == ["a.seed0.pretraining.checkpoint"]
    run_small.add("a.seed1.train", ["tokens"], ["a.seed1.pretraining.checkpoint"], pipeline="training")
    run_small.nodes["reporting.report"]["inputs"].append("a.seed1.pretraining.checkpoint")
    assert "a.seed1.pretraining.checkpoint" in _traced(run_small).digests
    assert "a.seed1.pretraining.checkpoint" not in _traced(run_small, "rate/a:rate_by_seed.0").digests


def test_each_step_has_its_own_drift(run_small: Small) -> None:
    run_small.make("a.seed0.pretraining.checkpoint", "edited")
    (run_small.root / "data/tokens.json").unlink()
    drifts = {name: [one.reason for one in found] for name, found in _traced(run_small).drifts.items()}
    assert drifts == {
        "rates": [],
        "a.seed0.pretraining.checkpoint": [
            "the content of data/models/a.seed0.pretraining.checkpoint changed since a.seed0.train made it"
        ],
        "tokens": ["there is nothing at data/tokens.json"],
        "words": [],
    }
    assert not _traced(run_small).matches
    assert _traced(run_small, "rate/b").drifts["rates"] == []


def test_what_is_told_of_a_nodes_first_output_shows_at_the_one_that_a_number_rests_on(small: Small) -> None:
    small.nodes["corpus.tokenize"]["outputs"] = ["counts", "tokens"]
    small.paths["counts"] = "data/counts.json"
    small.run()
    small.write("data/words.txt", "other words")
    assert [one.reason for one in _traced(small).drifts["tokens"]] == ["input words changed (data/words.txt)"]


def test_the_chain_as_data_says_what_files_and_records_say(run_small: Small) -> None:
    graph = run_small.graph
    told = json.loads(json.dumps(as_json(graph, _traced(run_small))))
    assert {key: told[key] for key in ("key", "field", "value", "dataset", "matches")} == {
        "key": "rate/a", "field": "rate", "value": 0.3, "dataset": "rates", "matches": True,
    }  # fmt: skip
    words, tokens = told["history"]["words"], told["history"]["tokens"]
    assert words == {
        "path": "data/words.txt", "md5": graph.digest("words"), "matches": True, "drift": [], "inputs": [],
        "made_by": None,
    }  # fmt: skip
    assert tokens["made_by"] == run_small.record("corpus.tokenize").model_dump(mode="json")


def _shown(small: Small, key: str = "rate/a") -> str:
    console = Console(file=StringIO(), width=500)
    console.print(as_tree(small.graph, _traced(small, key)), highlight=False)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_tree_has_each_step_once_with_what_made_it(run_small: Small) -> None:
    tree = _shown(run_small)
    for text in (
        "rate/a = 0.3",
        f"✓ tokens data/tokens.json {run_small.graph.digest('tokens')}",
        "made by a.seed0.train in 1.5 s, 2026-11-29T09:00:00+00:00, env base",
        "on processor a processor, cores 2",
        "commit 0123456789 · MLflow run -",
        "params stage.rate 0.5, seed 0",
    ):
        assert text in tree
    run_small.nodes["reporting.report"]["inputs"].append("words")
    run_small.write("data/words.txt", "other words")
    tree = _shown(run_small)
    assert tree.count("✓ words data/words.txt") == tree.count("words (above)") == 1
    assert "✗ tokens" in tree
    assert "input words changed (data/words.txt) → kedro run --pipelines mixing --namespaces corpus" in tree


def test_parameters_that_look_like_markup_are_shown_as_they_are(small: Small) -> None:
    small.params["tokens"] = {"terms": "[a-z]+ [/] [/bold] [red]x"}
    small.run()
    assert "params tokens.terms [a-z]+ [/] [/bold] [red]x" in _shown(small)
    small.params["tokens"] = {"terms": "[/y]"}
    assert 'parameter tokens.terms was "[a-z]+ [/] [/bold] [red]x", now "[/y]"' in _shown(small)


def test_what_is_no_study_is_followed_by_the_names_that_its_rows_have() -> None:
    about = (("a", "pretraining"), ("b", "sft"))
    assert owned({}, TracedNumber("gaps", "k", "gap", 0.1, about, {})) == set(about)
