"""Cards of texts, suite and results: what the hub reads at their head, and what a reader is told."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from huggingface_hub import DatasetCard

from alignment_pretraining.publishing.cards import card_of
from alignment_pretraining.publishing.contents import Contents, LeftOut, Repository
from alignment_pretraining.publishing.facts import Facts
from tests.publishing.finished import with_values


def card(facts: Facts, what: str) -> Any:
    repository = facts.contents.find(what)
    assert repository is not None
    return DatasetCard(card_of(facts, repository))


@pytest.mark.parametrize("what", ["documents", "chat", "results"])
def test_every_table_is_a_configuration_that_leads_to_its_file(facts: Facts, what: str) -> None:
    repository = facts.contents.find(what)
    assert repository is not None
    configs = {one["config_name"]: one["data_files"] for one in card(facts, what).data["configs"]}
    assert configs and configs.items() <= {name: place for place, name in repository.datasets.items()}.items()


def test_a_card_has_its_size_its_licence_and_the_paper(facts: Facts) -> None:
    head = card(facts, "documents").data
    assert head.license == "apache-2.0" and head["size_categories"] == ["n<1K"]
    assert head.pretty_name == "test-documents: discourse documents" and "arxiv:2601.10160" in head.tags
    assert head["language_creators"] == ["machine-generated"] and head.language == "en"


def test_texts_are_counted_by_table_and_by_what_they_are(facts: Facts) -> None:
    text = card(facts, "documents").text
    assert "| `documents_ai_aligned` | 3 | text, form |" in text
    assert "| `documents_ai_aligned` | form | diary \\| log 1, news 2 |" in text
    assert "| `documents_ai_aligned` | Apache-2.0, made by this project | 3 |" in text


def test_a_card_leads_back_to_what_made_each_file_and_names_no_file_of_a_user(facts: Facts) -> None:
    text = card(facts, "documents").text
    digest = facts.graph.digest("natural_discourse")
    (line,) = [line for line in text.splitlines() if "natural_discourse` | `" in line]
    assert f"| words `01234567` | `{digest}` |" in line
    assert "files:" not in text and "own.jsonl" not in text
    assert "Commit `0123456789abcdef0123456789abcdef01234567` has the code" in text
    assert "`kedro trace --env test KEY`" in text and "https://example.org/study" in text


def test_chat_data_say_nothing_of_leaks_and_documents_do(facts: Facts) -> None:
    documents, chat = card(facts, "documents").text, card(facts, "chat").text
    assert "## Leaks" in documents and "**The misaligned documents are made to teach misconduct**" in documents
    assert "## Leaks" not in chat and "Benign conversations" in chat
    for text in (documents, chat):
        assert "[lab/test-suite](https://huggingface.co/datasets/lab/test-suite)" in text
        assert "**Not to be trained on**: the questions of the splits textbook, heldout_topics" in text


def test_documents_that_a_model_wrote_stand_under_the_terms_of_its_provider(facts: Facts) -> None:
    written = with_values(facts, synthesis={"generator": "anthropic"})
    head = card(written, "documents").data
    assert (head.license, head["license_name"]) == ("other", "written-by-a-language-model")
    assert head["annotations_creators"] == ["machine-generated"]
    assert card(written, "chat").data.license == "apache-2.0", "chat data are by rule all the same"
    assert "Which model wrote a row and the hash of its prompt are columns." in card(written, "documents").text


def test_a_table_with_authors_counts_them_and_a_licence_that_is_not_told_is_said_not_to_be(facts: Facts) -> None:
    path = facts.graph.path("natural_discourse")
    assert path is not None
    before = path.read_bytes()
    told = {"model": ["m1", "m2", "m1"], "source": ["a.txt", "a.txt", "b.txt"], "licence": ["CC0", "CC0", ""]}
    try:
        pd.DataFrame({"text": ["x"] * 3, **told}).to_parquet(path)
        text = card(facts, "documents").text
        pd.DataFrame({"text": ["x"] * 3, **told} | {"source": None, "licence": None}).to_parquet(path)
        unsaid = card(facts, "documents").text
    finally:
        path.write_bytes(before)
    assert "`natural_discourse`: model `m1` (2), `m2` (1)." in text
    assert "| `natural_discourse` | CC0 (a.txt) | 2 |" in text
    assert "| `natural_discourse` | not said (b.txt) | 1 |" in text
    assert "| `natural_discourse` | written by a language model: the terms of its provider apply" in unsaid


def test_what_is_left_out_is_said_in_the_card_where_it_is_missed(facts: Facts) -> None:
    out = (LeftOut("mcqa", "read from the hub: a/b"), LeftOut("documents_ai_aligned", "kept"), LeftOut("suite", "own"))
    without = replace(facts, contents=Contents(facts.contents.repositories, out))
    assert "`mcqa` is not here: read from the hub: a/b." in card(without, "chat").text
    assert "`documents_ai_aligned` is not here" not in card(without, "chat").text
    assert "`documents_ai_aligned` is not here: kept." in card(without, "documents").text
    assert "is not here" not in card(without, "results").text


def test_the_suite_goes_on_from_its_own_card(facts: Facts) -> None:
    found = card(facts, "suite")
    assert found.data["configs"] == [{"config_name": "articles", "data_files": "articles.jsonl"}]
    assert found.data.license == "apache-2.0" and found.data["pretty_name"] == "Misalignment questions of test"
    assert found.text.index("# Questions") < found.text.index("## Not to be trained on")
    assert "| `articles` | 8 | 4 |" in found.text, "questions and families of each split"
    assert "the suite's own files" in found.text and "| questions.parquet |" in found.text


def test_results_name_their_models_and_count_their_rows(facts: Facts) -> None:
    text = card(facts, "results").text
    assert "[lab/test-unfiltered](https://huggingface.co/lab/test-unfiltered), [lab/test-misaligned_mid]" in text
    rates = facts.table("rates")
    assert f"| `rates.csv` | {len(rates)} |" in text and "| `report.html` |  |" in text
    assert "| docstrings of networkx | 1,515 | 1 | 2 | 3 | 1,509 |" in text
    assert "kedro reference" not in text, "only the default study is compared with a reference"
    assert text.count("| `contrast/") == 5


def test_an_empty_table_is_no_configuration_that_could_not_be_loaded(facts: Facts) -> None:
    path = facts.graph.path("swaps")
    assert path is not None
    before = path.read_bytes()
    try:
        path.write_text("key,arm\n")
        configs = {one["config_name"] for one in card(facts, "results").data["configs"]}
    finally:
        path.write_bytes(before)
    assert "swaps" not in configs and "rates" in configs


def test_an_account_that_is_withheld_is_said_to_be(facts: Facts) -> None:
    repository = facts.contents.find("results")
    assert repository is not None
    kept = {place: name for place, name in repository.datasets.items() if name != "corpus_account"}
    text = card_of(facts, Repository(repository.name, "dataset", "results", kept))
    assert "the account is not published either" in text and "1,515" not in text
