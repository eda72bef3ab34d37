"""What no longer matches its record is found, first causes first, and told with the command that mends it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.drift import Drift, by_command, check, find_drift, up_to_date
from alignment_pretraining.lineage.records import record_path
from tests.lineage.small_graph import Small

CHECKPOINT = "a.seed0.pretraining.checkpoint"
TRAIN = "kedro run --pipelines training --namespaces a"
MIX = "kedro run --pipelines mixing --namespaces corpus"


def test_reasons_stand_under_the_command_that_mends_them() -> None:
    drifts = [Drift(f"d{n}", f"code {n} changed", f"kedro run --env test --pipelines p{n % 8}") for n in range(40)]
    texts = by_command([*drifts, Drift("raw", "there is nothing at raw", None)])
    assert len(texts) == 7
    assert texts[0].splitlines() == [
        "d0: code 0 changed",
        "    d8: code 8 changed",
        "    d16: code 16 changed",
        "    … and 2 more",
        "      make it again: kedro run --env test --pipelines p0",
    ]
    assert texts[6] == "… and 11 more, with 3 other commands"
    assert by_command(drifts[:1]) == ["d0: code 0 changed\n      make it again: kedro run --env test --pipelines p0"]


def test_what_has_run_has_not_drifted(run_small: Small) -> None:
    assert find_drift(run_small.graph, ["rates", "tokens", CHECKPOINT]) == []
    check(run_small.graph, ["rates"])


def _rewrite(small: Small, node: str, **changes: Any) -> None:
    """Put other values into a node's record."""
    path = record_path(small.graph, small.graph.nodes[node])
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _edit_code(small: Small) -> None:
    small.write("src/toy/text.py", "def split(text):\n    return list(text)\n")


CHANGES: dict[str, tuple[Callable[[Small], object], str, str]] = {
    "a parameter": (
        lambda small: small.params.update(stage={"rate": 0.7}),
        "parameter stage.rate was 0.5, now 0.7",
        TRAIN,
    ),
    "a bound argument": (
        lambda small: small.nodes["a.seed0.train"]["bound"].update(seed=1),
        "parameter seed was 0, now 1",
        TRAIN,
    ),
    "a library": (
        lambda small: _rewrite(small, "a.seed0.train", libraries={"torch": "0.1"}),
        "library torch was 0.1, now not used",
        TRAIN,
    ),
    "a new input": (
        lambda small: small.nodes["a.seed0.train"].update(outside=["files:more.txt"]),
        "input files:more.txt is new",
        TRAIN,
    ),
    "an input that is gone": (
        lambda small: small.nodes["a.seed0.train"].update(inputs=["params:stage"]),
        "input tokens is no longer read",
        TRAIN,
    ),
    "an edited output": (
        lambda small: small.make(CHECKPOINT, "edited"),
        f"the content of data/models/{CHECKPOINT} changed since a.seed0.train made it",
        TRAIN,
    ),
    "no record": (
        lambda small: record_path(small.graph, small.graph.nodes["a.seed0.train"]).unlink(),
        "there is no record of how a.seed0.train made it",
        TRAIN,
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_each_change_is_told_of_what_it_reaches_and_of_nothing_else(run_small: Small, kind: str) -> None:
    change, reason, command = CHANGES[kind]
    change(run_small)
    found = find_drift(run_small.graph, ["rates"])
    assert Drift(CHECKPOINT, reason, command) in found
    others = {"b.seed0.pretraining.checkpoint"} if kind == "a parameter" else set()
    assert {drift.dataset for drift in found} == {CHECKPOINT, *others}
    assert find_drift(run_small.graph, ["tokens"]) == []


def test_causes_come_before_what_follows_from_them_and_each_once(run_small: Small) -> None:
    _edit_code(run_small)
    run_small.write("data/words.txt", "other words")
    run_small.make("rates", "key\n")
    found = find_drift(run_small.graph, ["rates", CHECKPOINT])
    assert [(drift.dataset, drift.reason) for drift in found] == [
        ("tokens", "code toy/text.py changed"),
        ("tokens", "input words changed (data/words.txt)"),
        ("rates", "the content of data/rates.csv changed since reporting.report made it"),
    ]


def test_what_was_made_again_with_another_result_is_told_of_its_readers(run_small: Small) -> None:
    run_small.make("tokens", "other tokens")
    _rewrite(run_small, "corpus.tokenize", outputs={"tokens": run_small.graph.digest("tokens")})
    found = find_drift(run_small.graph, [CHECKPOINT])
    assert found == [Drift(CHECKPOINT, "input tokens changed (data/tokens.json)", TRAIN)]


def test_data_between_two_nodes_may_be_thrown_away_but_not_what_is_asked_for(run_small: Small) -> None:
    (run_small.root / "data/tokens.json").unlink()
    assert find_drift(run_small.graph, ["rates"]) == []
    assert find_drift(run_small.graph, ["tokens"]) == [Drift("tokens", "there is nothing at data/tokens.json", MIX)]


def test_raw_data_that_is_gone_is_named_and_no_command_makes_it(run_small: Small) -> None:
    (run_small.root / "data/words.txt").unlink()
    assert find_drift(run_small.graph, ["tokens"]) == [Drift("tokens", "input words is missing (data/words.txt)", MIX)]
    assert find_drift(run_small.graph, ["words"]) == [Drift("words", "there is nothing at data/words.txt", None)]


def test_what_a_network_does_not_give_today_has_not_drifted(small: Small) -> None:
    place = "files:http://127.0.0.1:1/x.jsonl"  # nobody answers there
    small.nodes["corpus.tokenize"]["outside"] = [place]
    small.run("corpus.tokenize", inputs={"words": small.graph.digest("words"), place: "1"})
    assert find_drift(small.graph, ["tokens"]) == []


def test_the_message_names_what_the_way_out_and_the_command_for_all(run_small: Small) -> None:
    run_small.params["stage"] = {"rate": 0.7}
    with pytest.raises(UserError) as error:
        check(run_small.graph, ["rates"], "these results")
    lines = str(error.value).splitlines()
    assert lines[0] == "these results are not what their records say:"
    assert lines[1:3] == [f"  - {CHECKPOINT}: parameter stage.rate was 0.5, now 0.7", f"      make it again: {TRAIN}"]
    assert lines[-1] == "To bring everything up to date: dvc repro"


def test_another_environment_is_in_every_command(small: Small) -> None:
    other = Small(small.root / "other", "test")
    other.run()
    other.params["stage"] = {"rate": 0.7}
    with pytest.raises(UserError) as error:
        check(other.graph, [CHECKPOINT])
    assert "kedro run --env test --pipelines training --namespaces a" in str(error.value)
    assert str(error.value).endswith("To bring everything up to date: kedro run --env test")


class Whole:
    """The nodes of a pipeline in the order in which they run."""

    def __init__(self, small: Small) -> None:
        self.nodes = list(small.graph.nodes.values())


def _finished(small: Small) -> list[str]:
    return up_to_date(small.graph, Whole(small))  # type: ignore[arg-type]


def test_only_what_a_change_reaches_runs_again(run_small: Small) -> None:
    assert _finished(run_small) == list(run_small.nodes)
    run_small.nodes["b.seed0.train"]["bound"] = {"seed": 7}
    assert _finished(run_small) == ["corpus.tokenize", "a.seed0.train"]
    run_small.write("data/words.txt", "other words")
    assert _finished(run_small) == []


@pytest.mark.parametrize("damage", ["missing", "edited", "damaged record"])
def test_a_node_whose_output_is_not_as_it_made_it_runs_again(run_small: Small, damage: str) -> None:
    if damage == "missing":
        (run_small.root / "data/rates.csv").unlink()
    elif damage == "edited":
        run_small.make("rates", "key\n")
    else:
        record_path(run_small.graph, run_small.graph.nodes["reporting.report"]).write_text('{"node":')
    assert _finished(run_small) == ["corpus.tokenize", "a.seed0.train", "b.seed0.train"]
