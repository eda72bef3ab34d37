"""What is looked at beside a number's chain: DVC's lock file, other outputs, and commits."""

import pytest
import yaml

from alignment_pretraining.lineage.numbers import find_number
from alignment_pretraining.lineage.trace import trace
from alignment_pretraining.lineage.verify import dvc_changes, not_in_chain
from tests.lineage.small_graph import Small


def _lock(small: Small, **outs: str | None) -> None:
    """What DVC would keep of the files below `data`."""
    stages = {
        name: {"outs": [{"path": small.paths[name], "md5": md5 or small.graph.digest(name)}]}
        for name, md5 in outs.items()
    }
    small.write("environments/test/dvc.lock" if small.env else "dvc.lock", yaml.safe_dump({"stages": stages}))


def test_outputs_that_dvc_made_are_as_it_made_them(run_small: Small) -> None:
    assert list(dvc_changes(run_small.graph)) == []
    _lock(run_small, tokens=None, rates=None)
    assert list(dvc_changes(run_small.graph)) == []


def test_an_output_that_is_another_or_gone_is_named_with_its_stage(run_small: Small) -> None:
    _lock(run_small, tokens="0" * 32, rates=None)
    (run_small.root / "data/rates.csv").unlink()
    assert sorted(dvc_changes(run_small.graph)) == [
        "dvc.lock, stage rates: there is nothing at data/rates.csv (dvc repro)",
        "dvc.lock, stage tokens: data/tokens.json is not what DVC made (dvc repro takes it over)",
    ]


def test_each_environment_has_its_own_lock_file(small: Small) -> None:
    other = Small(small.root, "test")
    other.run()
    small.write("dvc.lock", "stages: {x: {outs: [{path: data/none, md5: '1'}]}}")
    assert list(dvc_changes(other.graph)) == []
    _lock(other, tokens="0" * 32)
    assert list(dvc_changes(other.graph)) == [
        "environments/test/dvc.lock, stage tokens: environments/test/data/tokens.json is not what DVC made "
        "(dvc repro environments/test/dvc.yaml takes it over)"
    ]


@pytest.mark.parametrize("text", ["schema: '2.0'\n", "stages: {code: {cmd: x}}\n"])
def test_stages_without_outputs_say_nothing(run_small: Small, text: str) -> None:
    run_small.write("dvc.lock", text)
    assert list(dvc_changes(run_small.graph)) == []


def test_the_rest_of_the_report_and_the_commits_are_looked_at(run_small: Small) -> None:
    run_small.add("reporting.gaps", ["rates"], ["gaps"], pipeline="reporting")
    run_small.paths["gaps"] = "data/gaps.csv"
    run_small.run()
    commit = "commit 0123456789, which the records of a.seed0.train, corpus.tokenize, reporting.report name, is not in"
    graph = run_small.graph
    (said,) = not_in_chain(graph, trace(graph, find_number(graph, "rate/a")))
    assert said.startswith(commit)
    run_small.make("gaps", "edited")
    graph = run_small.graph
    first, second = not_in_chain(graph, trace(graph, find_number(graph, "rate/a")))
    assert first.startswith("gaps: the content of data/gaps.csv changed since reporting.gaps made it")
    assert second == said
    run_small.make("rates", (run_small.root / "data/rates.csv").read_text().replace("0.3,", "0.31,"))
    graph = run_small.graph
    again = not_in_chain(graph, trace(graph, find_number(graph, "rate/a")))
    assert again == [first, said], "what the chain itself tells is not told again"


def test_records_of_uncommitted_changes_promise_nothing(small: Small) -> None:
    small.run(dirty=True)
    graph = small.graph
    assert not_in_chain(graph, trace(graph, find_number(graph, "rate/a"))) == []
