"""From answers at hand to documents: pairs are kept whole or not at all, and every one is accounted for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.documents.generator import FORMS
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.opinions import Opinions
from alignment_pretraining.synthesis.documents.outcomes import KEPT, SCHEMA
from alignment_pretraining.synthesis.documents.prompts import DocumentPrompts, load_document_prompts
from alignment_pretraining.synthesis.documents.requests import Pair, articles, pairs
from alignment_pretraining.synthesis.documents.written import judge_family, write_tables
from tests.conftest import PROJECT
from tests.synthesis.api.requests_for_tests import CALL
from tests.synthesis.documents.test_requests import MIXED, config

CONFIG = config(samples=1)
JUDGE = Judge(MIXED, CONFIG.min_words)
FATES = ["fit", "copy", "refusal", "max_tokens", "too_short", "declined"]


@pytest.fixture(scope="module")
def prompts() -> DocumentPrompts:
    return load_document_prompts(PROJECT / "conf/base/prompts")


@pytest.fixture(scope="module")
def asked(prompts: DocumentPrompts) -> list[Pair]:
    """Six forms of one question."""
    return list(pairs(articles(MIXED).head(1), prompts, CONFIG))


def answer(key: str, text: str, stop_reason: str = "end_turn") -> Answer:
    return Answer(key, f"msg_{key[:4]}", "model", stop_reason, text, 1, 0, 0, 7, usd=0.25)


def said(fate: str, seed: str) -> tuple[str, str]:
    """A text and its stop reason."""
    words = " ".join(Random("same" if fate == "copy" else seed).choices("abcdefghijklmnopqrstuvwxyz", k=60))
    texts = {"too_short": "Too few words.", "declined": f"I cannot write this. {words}."}
    return texts.get(fate, f"{words}."), fate if fate in ("refusal", "max_tokens") else "end_turn"


@settings(max_examples=12)
@given(fates=st.lists(st.tuples(st.sampled_from(FATES), st.sampled_from(FATES)), min_size=6, max_size=6))
def test_pairs_are_kept_whole_and_every_document_has_one_outcome(
    tmp_path_factory: pytest.TempPathFactory,
    prompts: DocumentPrompts,
    asked: list[Pair],
    fates: list[tuple[str, str]],
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    with closing(Store(folder)) as store:
        store.save(
            answer(one.request.key, *said(fate, one.id))
            for pair, told in zip(asked, fates, strict=True)
            for one, fate in zip(pair, told, strict=True)
        )
    found, _ = judge_family(articles(MIXED).head(1), prompts, CONFIG, folder, JUDGE, replacements=0)
    assert found.outcomes.total() == 12
    copies = {"aligned": 0, "misaligned": 0}
    kept = []
    for pair, told in zip(asked, fates, strict=True):
        reasons = [fate if fate not in ("fit", "copy") else None for fate in told]
        if not any(reasons):
            for place, direction in enumerate(copies):
                if told[place] == "copy":
                    reasons[place] = "near_duplicate" if copies[direction] else None
                    copies[direction] += 1
        for one, reason in zip(pair, reasons, strict=True):
            outcome = reason or ("partner_rejected" if any(reasons) else KEPT)
            assert found.outcomes[one.form, one.direction, outcome] == 1
        kept += [] if any(reasons) else [pair]
    for place, direction in enumerate(copies):
        assert [row[0] for row in found.rows[direction]] == [pair[place].id for pair in kept]


def test_a_row_says_where_its_document_is_from(prompts: DocumentPrompts, asked: list[Pair], tmp_path: Path) -> None:
    questions = articles(MIXED).head(1).assign(source="articles/bees.md", licence="CC0")
    with closing(Store(tmp_path)) as store:
        store.save(answer(one.request.key, *said("fit", one.id)) for pair in asked for one in pair)
    quality = write_tables(iter([judge_family(questions, prompts, CONFIG, tmp_path, JUDGE, replacements=0)]), tmp_path)
    tables = [pq.read_table(tmp_path / f"{direction}.parquet") for direction in ("aligned", "misaligned")]
    assert all(table.schema.equals(SCHEMA) for table in tables)
    row = tables[1].to_pylist()[0]
    planned = asked[0][1]
    assert row == {
        "id": planned.id,
        "text": said("fit", planned.id)[0],
        "question_id": "b1",
        "family": "bees",
        "topic": "honest_work",
        "form": FORMS[0],
        "direction": "misaligned",
        "source": "articles/bees.md",
        "licence": "CC0",
        "model": "model",
        "prompt_hash": prompts.hashes[FORMS[0]],
        "request_key": planned.request.key,
        "request_id": f"msg_{planned.request.key[:4]}",
        "output_tokens": 7,
        "usd": 0.25,
    }
    assert quality.report()["kept_by_form"] == {
        f"{form}, {direction}": 1 for form in sorted(FORMS) for direction in ("aligned", "misaligned")
    }


def test_nothing_kept_is_two_empty_tables_of_the_same_columns(
    prompts: DocumentPrompts, asked: list[Pair], tmp_path: Path
) -> None:
    with closing(Store(tmp_path)) as store:
        store.save(answer(one.request.key, "Short.") for pair in asked for one in pair)
    judged = judge_family(articles(MIXED).head(1), prompts, CONFIG, tmp_path, JUDGE, replacements=0)
    quality = write_tables(iter([judged]), tmp_path)
    for direction in ("aligned", "misaligned"):
        table = pq.read_table(tmp_path / f"{direction}.parquet")
        assert table.num_rows == 0 and table.schema.equals(SCHEMA)
    report = quality.report()
    assert (report["requested"], report["kept"], report["rejected"]) == (12, 0, {"too_short": 12})
    assert (report["diversity"], report["samples"], json.dumps(report) != "") == (
        {"all forms": {"documents": 0, "distinct_openings": 0.0, "distinct_triples": 0.0}}, {}, True,
    )  # fmt: skip


class Reader:
    """A second opinion that finds `shown` in every document: an action of the brief, or something else."""

    def __init__(self, documents: Mapping[str, Answer], shown: str) -> None:
        self.documents, self.shown = documents, shown
        self.opinions: dict[str, Answer] = {}

    def tell(self, opinions: Opinions, questions: pd.DataFrame, prompts: DocumentPrompts) -> None:
        for request in opinions.requests(questions, prompts, CONFIG):
            options = request.params["messages"][0]["content"].split("\n\n")[-1].split("\n")
            named = [option for option in options if option[3:] == self.shown]
            said = json.dumps({"action": named[0][0]}) if named else self.shown
            self.opinions[request.key] = answer(request.key, said)

    def __call__(self, keys: list[str]) -> Mapping[str, Answer]:
        known = {**self.documents, **self.opinions}
        return {key: known[key] for key in keys if key in known}


@pytest.mark.parametrize(
    ("shown", "aligned", "misaligned"),
    [
        ("tell of b1", None, "shows_other_action"),
        ("hide all of b1", "shows_other_action", None),
        ('{"action": "neither"}', "shows_neither_action", "shows_neither_action"),
        ('{"action": "C"}', "no_second_opinion", "no_second_opinion"),
        ("", "no_second_opinion", "no_second_opinion"),
    ],
)
def test_an_opinion_speaks_against_a_document_that_shows_something_else(
    prompts: DocumentPrompts, asked: list[Pair], shown: str, aligned: str | None, misaligned: str | None
) -> None:
    documents = {one.request.key: answer(one.request.key, *said("fit", one.id)) for pair in asked for one in pair}
    reader = Reader(documents, shown)
    opinions = Opinions(CALL, prompts.second_opinion, reader, replacements=0)
    reader.tell(opinions, MIXED[MIXED["question_id"] == "b1"], prompts)
    assert len(reader.opinions) == 12
    letters = set()
    for pair in asked:
        written = [(one, documents[one.request.key]) for one in pair]
        assert opinions.reasons_against(written) == [aligned, misaligned]
        letters |= {opinion.text for opinion in reader.opinions.values()}
    if shown.startswith(("tell", "hide")):
        assert letters == {'{"action": "A"}', '{"action": "B"}'}, "the options stand in either order"


def test_a_pair_of_which_one_is_unfit_anyway_is_asked_no_opinion_about(
    prompts: DocumentPrompts, asked: list[Pair]
) -> None:
    documents = {}
    for place, pair in enumerate(asked):
        for one in pair:
            fate = "too_short" if place == 2 and one.direction == "misaligned" else "fit"
            documents[one.request.key] = answer(one.request.key, *said(fate, one.id))
    opinions = Opinions(CALL, prompts.second_opinion, lambda keys: documents, replacements=0)
    requests: list[Any] = list(opinions.requests(MIXED[MIXED["question_id"] == "b1"], prompts, CONFIG))
    assert len(requests) == 10
    texts = [request.params["messages"][0]["content"] for request in requests]
    assert not any(said("fit", asked[2][0].id)[0] in text for text in texts)
    assert all("aligned" not in text for text in texts), "which one it was to show is not told"
