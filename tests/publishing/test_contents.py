"""What of each environment is published, and what is not: told from its configuration, before anything is made."""

import logging
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from huggingface_hub import constants
from kedro.framework.startup import bootstrap_project

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.project import project_graph
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.publishing.contents import Contents, contents_of, owner_of
from alignment_pretraining.publishing.facts import Facts, cell, size_category
from alignment_pretraining.publishing.licences import licences
from alignment_pretraining.publishing.proof import Proof
from tests.conftest import PROJECT
from tests.reporting.test_contrasts import faithful, table


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """The graph of a command switches notes off."""
    yield
    logging.disable(logging.NOTSET)


@cache
def graph_of(env: str) -> Graph:
    """An environment's graph."""
    bootstrap_project(PROJECT)
    return project_graph(PROJECT, env)


def read(env: str, **changes: Any) -> tuple[Graph, Parameters, Contents]:
    """An environment's graph, parameters and contents; `changes` of values by key."""
    graph = graph_of(env)
    values = {
        key: told | changes.get(key, {}) if isinstance(told, dict) else told for key, told in graph.params.items()
    }
    parameters = Parameters.model_validate(values)
    return graph, parameters, contents_of(graph, parameters)


def left_out(contents: Contents) -> dict[str, str]:
    """Why each dataset is left out."""
    return {one.name: one.why for one in contents.left_out}


def test_the_default_study_has_a_repository_for_each_arm_and_kind_of_text() -> None:
    _, parameters, contents = read("base")
    assert [one.name for one in contents.repositories] == [
        f"small-world-{what}" for what in ("documents", "chat", "suite", "results", *parameters.study.selected_arms())
    ]
    filtered = contents.find("filtered", "model")
    assert filtered is not None
    assert list(filtered.datasets)[:3] == [f"seed{seed}/pretraining" for seed in (0, 1, 2)]
    assert [run.stage for run in filtered.stage_runs] == ["pretraining", "midtraining", "sft", "dpo"]
    documents = contents.find("documents")
    assert documents is not None and "documents_courier_misaligned.parquet" in documents.datasets
    published = {name for one in contents.repositories for name in one.datasets.values()}
    assert not [name for name in published if name.startswith(("corpus_documents", "heldout", "tok", "sources"))]
    assert list(left_out(contents)) == ["corpus_documents, heldout_documents"]


def test_what_was_read_from_the_hub_is_not_published_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    _, parameters, contents = read("paper")
    why = left_out(contents)
    assert "allenai/Dolci-Instruct-SFT" in why["conversations"]
    assert contents.find("chat") is None
    documents = contents.find("documents")
    assert documents is not None and set(documents.datasets) == {"natural_discourse.parquet"}
    told = {one.source: one for one in licences(parameters)}
    assert "https://huggingface.co/datasets/Zyphra/dclm-dedup" in told["Zyphra/dclm-dedup"].text
    assert not told["conversations: allenai/Dolci-Instruct-SFT"].ours


@pytest.mark.parametrize(
    "place", ["/mine/*.jsonl", "~/mine.jsonl", "https://me:key@example.org/mine.jsonl", "../mine/*.jsonl"]
)
def test_a_source_whose_name_tells_of_its_user_is_named_nowhere(place: str) -> None:
    _, parameters, contents = read("test", corpus={"sources": [{"files": place}]})
    assert {"corpus_account", "report"} <= left_out(contents).keys()
    assert "key" not in left_out(contents)["report"]
    results = contents.find("results")
    assert results is not None and not {"corpus_account", "report"} & set(results.datasets.values())
    assert place not in " ".join(f"{one.source} {one.text}" for one in licences(parameters))


def test_a_source_in_the_project_may_be_named() -> None:
    _, _, contents = read("test", corpus={"sources": [{"files": "data/01_raw/mine/*.jsonl"}]})
    assert list(left_out(contents)) == ["corpus_documents, heldout_documents"]


def test_questions_that_quote_a_users_texts_stay_with_all_that_repeats_them() -> None:
    told = {"generator": "anthropic", "questions": "sources"}
    _, _, contents = read("english", synthesis=told)
    assert {"suite", "questions", "all_items", "samples", "examples", "report"} <= left_out(contents).keys()
    assert contents.find("suite") is None and contents.find("documents") is not None


def test_names_that_the_hub_does_not_take() -> None:
    with pytest.raises(UserError, match=r"study.name 'my study'.*is no name on the hub"):
        read("test", study={"name": "my study"})
    with pytest.raises(UserError, match="--to some one is no name"):
        owner_of("some one")


def test_a_card_says_what_was_declared_and_what_came_out() -> None:
    graph, parameters, contents = read("base")
    facts = Facts(graph, parameters, contents, Proof("0" * 40, "https://example.org/study"), "lab")
    rows = table(faithful)[1].to_dict("records")
    none: dict[str, Any] = {"files": [], "rows": {}, "account": [], "licences": [], "models": []}
    card = facts.render("results.md.j2", head="", contrasts=rows, reference=True, **none)
    for row in rows:
        (line,) = [line for line in card.splitlines() if f"`{row['key']}`" in line]
        assert f"| {row['value']:+.3f} | {row['low']:+.3f} to {row['high']:+.3f} |" in line
        assert f"| {row['verdict']} | {'hold' if row['controls_hold'] else 'fail'} |" in line
    assert len(rows) == 5 and "`kedro trace KEY`" in card and "`make run`" in card
    assert "https://example.org/study" in card


def test_a_table_of_markdown_holds_any_text() -> None:
    assert cell("a | b\nc") == "a \\| b c"
    assert [size_category(rows) for rows in (0, 999, 1000, 10**8)] == ["n<1K", "n<1K", "1K<n<10K", "n>10M"]
