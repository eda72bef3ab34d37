"""What cards are written from: tables, names and records of the study, and text that fits into Markdown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from alignment_pretraining.publishing.facts import Facts, cell, size_category
from tests.publishing.finished import with_values


def test_a_table_that_the_study_has_not_is_empty(facts: Facts) -> None:
    assert len(facts.table("rates")) > 0
    for name in ("no_such_table", "protocol_rates", "tampering_rates"):
        assert facts.table(name).empty


def test_a_repository_stands_under_the_owner(facts: Facts) -> None:
    assert facts.id(facts.contents.find("unfiltered", "model")) == "lab/test-unfiltered"
    assert facts.id(facts.contents.find("unfiltered")) is None, "its models are no dataset"
    assert facts.id(None) is None


def test_a_record_is_that_of_the_node_that_made_the_dataset(facts: Facts) -> None:
    name = "unfiltered.seed1.pretraining.checkpoint"
    assert facts.record(name).node == facts.graph.makers[name].name
    assert facts.record(name).commit_state == "0123456789 + uncommitted changes"


def test_models_are_small_or_large_by_their_parameters(facts: Facts) -> None:
    assert facts.small
    model = facts.graph.params["study"]["model"] | {"hidden_size": 8192, "intermediate_size": 22016, "layers": 32}
    study = facts.graph.params["study"] | {"model": model}
    assert not with_values(facts, study=study).small


@pytest.mark.parametrize(("source", "own"), [({"stories": True}, False), ({"files": "data/01_raw/mine.jsonl"}, True)])
def test_files_of_the_authors_are_what_others_do_not_have(facts: Facts, source: dict[str, Any], own: bool) -> None:
    assert with_values(facts, corpus={"sources": [source]}).own_texts == own


def test_a_template_that_asks_for_what_it_is_not_given_is_an_error_and_no_gap(facts: Facts) -> None:
    with pytest.raises(UndefinedError, match="contrasts"):
        facts.render("contrasts.md.j2")


@given(st.text())
def test_any_value_fits_into_one_cell_of_a_table(text: str) -> None:
    found = cell(text)
    assert len(f"| {found} |".splitlines()) == 1
    assert found.replace("\\|", "").count("|") == 0
    assert found.replace("\\|", "|").split() == text.split()


@given(st.integers(0, 10**12))
def test_a_number_of_rows_is_called_as_the_hub_calls_it(rows: int) -> None:
    letters = {"K": 10**3, "M": 10**6}

    def read(bound: str) -> int:
        return int(bound.strip("KM")) * letters.get(bound[-1], 1)

    name = size_category(rows)
    low, _, high = name.partition("<n<")
    if high:
        assert read(low) <= rows < read(high)
    else:
        assert rows < 1000 if name == "n<1K" else rows >= read(name.removeprefix("n>"))
