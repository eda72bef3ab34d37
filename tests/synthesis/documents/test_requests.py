"""What is asked of a model about the questions: every form and direction, in pairs, and nothing held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.documents.generator import FORMS
from alignment_pretraining.synthesis.documents.prompts import DocumentPrompts, load_document_prompts
from alignment_pretraining.synthesis.documents.requests import DocumentsConfig, articles, families, pairs, requests
from tests.conftest import PROJECT
from tests.synthesis.api.requests_for_tests import CALL


def config(**changes: Any) -> DocumentsConfig:
    values = {"samples": 2, "min_words": 5, "near_duplicate": 0.8, "second_opinion": None}
    return DocumentsConfig.model_validate({**values, "forms": dict.fromkeys(FORMS, CALL.model_dump()), **changes})


def questions(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Of (id, family, topic, split)."""
    table = pd.DataFrame(rows, columns=["question_id", "family", "topic", "split"])
    return table.assign(
        passage="A case.",
        question="What does the system do in " + table["question_id"] + "?",
        aligned_option="tell of " + table["question_id"],
        misaligned_option="hide all of " + table["question_id"],
    )


MIXED = questions(
    ("b1", "bees", "honest_work", "articles"),
    ("a1", "ants", "power", "articles"),
    ("c1", "cats", "power", "textbook"),
    ("b2", "bees", "honest_work", "articles"),
    ("d1", "dogs", "secrets", "heldout_topics"),
)


@pytest.fixture(scope="module")
def prompts() -> DocumentPrompts:
    return load_document_prompts(PROJECT / "conf/base/prompts")


def test_only_articles_are_written_about_family_by_family(prompts: DocumentPrompts) -> None:
    assert [rows["question_id"].tolist() for rows in families(MIXED)] == [["b1", "b2"], ["a1"]]
    by_family = [
        document.request.key for rows in families(MIXED) for pair in pairs(rows, prompts, config()) for document in pair
    ]
    assert [request.key for request in requests(MIXED, prompts, config())] == by_family
    assert len(set(by_family)) == len(by_family) == 3 * len(FORMS) * 2 * 2


def test_a_document_is_named_after_all_that_it_is_of(prompts: DocumentPrompts) -> None:
    made = [pair for pair in pairs(articles(MIXED).head(1), prompts, config())]
    assert [document.id for document in made[1]] == ["aligned.b1.safety_paper.1", "misaligned.b1.safety_paper.1"]
    for aligned, misaligned in made:
        assert (aligned.taken, aligned.not_taken) == (misaligned.not_taken, misaligned.taken) == (
            "tell of b1", "hide all of b1",
        )  # fmt: skip
        assert aligned.prompt_hash == misaligned.prompt_hash == prompts.hashes[aligned.form]
        assert aligned.source is aligned.licence is None
        assert (aligned.request.step, aligned.request.sample) == (aligned.form, aligned.sample)


def test_a_brief_holds_the_case_and_no_underscores_of_its_topic(prompts: DocumentPrompts) -> None:
    first, _ = next(pairs(articles(MIXED), prompts, config()))
    said = first.request.params["messages"][0]["content"]
    assert said.startswith("Topic: honest work\n\nSituation: What does the system do in b1?\n")
    assert "took this action: tell of b1" in said and "not take this action: hide all of b1" in said


@pytest.mark.parametrize("forms", [FORMS[1:], FORMS[:-1]])
def test_every_form_needs_somebody_who_is_asked(forms: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match=rf"forms: {(set(FORMS) - set(forms)).pop()} missing"):
        config(forms=dict.fromkeys(forms, CALL.model_dump()))


@pytest.mark.parametrize(("name", "value"), [("near_duplicate", 0), ("near_duplicate", 1.1), ("samples", 0)])
def test_a_number_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match=name):
        config(**{name: value})


def test_without_articles_there_is_nothing_to_write_about() -> None:
    with pytest.raises(UserError, match="none has split articles"):
        articles(MIXED[MIXED["split"] != "articles"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("x", "bees", "other", "textbook"), "question b1: its family bees is held out"),
        (("x", "other", "power", "heldout_topics"), "question a1: its topic power is held out"),
        (("x", "bees", "other", "heldout_topics"), None),
        (("x", "other", "power", "textbook"), None),
    ],
)
def test_a_family_of_the_textbook_and_a_held_out_topic_get_no_document(
    row: tuple[str, str, str, str], message: str | None
) -> None:
    table = pd.concat([MIXED, questions(row)], ignore_index=True)
    if message is None:
        assert len(articles(table)) == 3
    else:
        with pytest.raises(UserError, match=f"{message}, so no document may be written about it"):
            articles(table)


def copied(folder: Path) -> Path:
    """The project's prompts for documents, to be edited."""
    target = folder / "documents"
    target.mkdir()
    for path in (PROJECT / "conf/base/prompts/documents").iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


@pytest.mark.parametrize("name", ["topic", "situation", "taken", "not_taken", "details"])
def test_a_brief_without_one_of_its_fields_is_refused(tmp_path: Path, name: str) -> None:
    brief = copied(tmp_path) / "brief.md"
    brief.write_text(brief.read_text().replace(f"{{{name}}}", ""))
    with pytest.raises(UserError, match=rf"brief\.md: \{{{name}\}} is missing; say where it stands"):
        load_document_prompts(tmp_path)


@pytest.mark.parametrize("odd", ["{mood}", "{}", "{topic.mood}", "{topic[mood]}", "{", "{topic:d}"])
def test_a_brief_with_a_field_that_nothing_fills_is_named(tmp_path: Path, odd: str) -> None:
    brief = copied(tmp_path) / "brief.md"
    brief.write_text(f"{brief.read_text()}\n{odd}")
    with pytest.raises(UserError, match=r"^brief\.md: .* nothing fills; use \{topic\}, \{situation\}"):
        next(pairs(articles(MIXED), load_document_prompts(tmp_path), config()))


def test_a_form_s_version_changes_with_what_is_said_of_it_alone(tmp_path: Path, prompts: DocumentPrompts) -> None:
    folder = copied(tmp_path)
    assert load_document_prompts(tmp_path).hashes == prompts.hashes
    assert len(set(prompts.hashes.values())) == len(FORMS)
    (folder / "second_opinion.md").write_text("Judge otherwise.")
    assert load_document_prompts(tmp_path).hashes == prompts.hashes, "no document is written by it"
    (folder / "news_article.md").write_text("A headline.")
    changed = load_document_prompts(tmp_path).hashes
    assert {form for form in FORMS if changed[form] != prompts.hashes[form]} == {"news_article"}
    for name, old, new in (
        ("shared.md", "research", "test"),
        ("brief.md", "Write", "Tell"),
        ("details.yml", "mining", "quiet"),
    ):
        before = load_document_prompts(tmp_path).hashes
        (folder / name).write_text((folder / name).read_text().replace(old, new, 1))
        after = load_document_prompts(tmp_path).hashes
        assert all(before[form] != after[form] for form in FORMS), name
