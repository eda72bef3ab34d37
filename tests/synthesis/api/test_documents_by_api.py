"""Documents from answers: paired, judged, without copies, and each knowing where it is from."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.pipelines.synthesis.anthropic_nodes import make_controls, make_documents
from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.documents.generator import FORMS
from alignment_pretraining.synthesis.documents.prompts import load_document_prompts
from alignment_pretraining.synthesis.documents.requests import articles, pairs
from alignment_pretraining.synthesis.questions.from_bank import build_questions
from alignment_pretraining.synthesis.scenarios.bank import load_bank
from tests.synthesis.api.local_api import LocalApi

PROJECT = Path(__file__).parents[3]
PROMPTS = PROJECT / "conf/base/prompts"


@pytest.fixture(scope="module")
def questions() -> pd.DataFrame:
    """Three articles questions of two families, and what is held out."""
    everything = build_questions(load_bank(PROJECT / "data/01_raw/scenarios"))
    asked = everything[everything["split"] == "articles"]
    return pd.concat([asked.iloc[[0, 2, 8]], everything[everything["split"] != "articles"]], ignore_index=True)


@pytest.fixture
def anthropic(server: LocalApi) -> dict[str, Any]:
    params: dict[str, Any] = yaml.safe_load((PROJECT / "conf/base/parameters_anthropic.yml").read_text())["anthropic"]
    params["api"] |= {"base_url": server.url, "poll_seconds": 0.02, "retries": 3}
    params["documents"]["min_words"] = 20
    params["controls"]["share"] = 1.0
    return params


def documents(questions: pd.DataFrame, anthropic: dict[str, Any], folder: Path, prompts: Path = PROMPTS) -> Any:
    folder.mkdir(exist_ok=True)
    config = AnthropicConfig.model_validate(anthropic)
    aligned, misaligned, quality, bill = make_documents(questions, prompts, config, folder / "responses", folder)
    return pq.read_table(aligned).to_pandas(), pq.read_table(misaligned).to_pandas(), quality, bill


def test_every_question_has_six_forms_in_pairs_that_know_their_origin(
    server: LocalApi, questions: pd.DataFrame, anthropic: dict[str, Any], tmp_path: Path
) -> None:
    questions = questions.assign(source="articles/essay.md", licence="CC-BY-4.0")
    aligned, misaligned, quality, bill = documents(questions, anthropic, tmp_path)
    assert len(aligned) == len(misaligned) == 3 * len(FORMS)
    about = ["question_id", "family", "topic", "form", "source", "licence", "prompt_hash"]
    pd.testing.assert_frame_equal(aligned[about], misaligned[about])
    assert set(aligned["form"]) == set(FORMS)
    both = pd.concat([aligned, misaligned])
    assert set(both["source"]) == {"articles/essay.md"} and set(both["licence"]) == {"CC-BY-4.0"}
    assert both["id"].is_unique
    assert both["request_key"].is_unique
    assert both["request_id"].str.startswith("msg_").all()
    assert both["usd"].sum() == pytest.approx(bill["actual_usd"], abs=1e-6)
    assert set(both["model"]) == {"claude-haiku-5-5"}
    assert quality["kept"] == quality["requested"] == len(both)
    assert len(quality["samples"]) == 12
    diversity = quality["diversity"]
    assert set(diversity) == {*FORMS, "all forms"}
    assert diversity["all forms"]["documents"] == len(both)
    alone = diversity["movie_summary"]["distinct_triples"]
    assert 0 < diversity["all forms"]["distinct_triples"] <= alone <= 1


def test_the_run_says_how_many_documents_are_left_and_why(
    server: LocalApi,
    questions: pd.DataFrame,
    anthropic: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "alignment_pretraining")
    server.set(faults={"max_tokens": 20})
    documents(questions, anthropic, tmp_path)
    [said] = [record for record in caplog.records if "kept" in record.message]
    assert said.levelname == "WARNING"
    assert "of 36 kept (left out: max_tokens 20" in said.message


def test_the_prompts_of_a_pair_swap_the_actions_and_differ_in_nothing_else(
    questions: pd.DataFrame, anthropic: dict[str, Any]
) -> None:
    config = AnthropicConfig.model_validate(anthropic).documents
    rows = questions.set_index("question_id")
    for aligned, misaligned in pairs(articles(questions), load_document_prompts(PROMPTS), config):
        row = rows.loc[aligned.question_id]
        one, other = (job.request.params["messages"][0]["content"] for job in (aligned, misaligned))
        swapped = one.replace(row["aligned_option"], "\0").replace(row["misaligned_option"], row["aligned_option"])
        assert swapped.replace("\0", row["misaligned_option"]) == other
        assert {**aligned.request.params, "messages": None} == {**misaligned.request.params, "messages": None}


def test_samples_of_a_question_and_form_are_asked_for_in_different_words(
    questions: pd.DataFrame, anthropic: dict[str, Any]
) -> None:
    """At the paper's scale some 466 documents are written about a question in a form and direction."""
    anthropic["documents"]["samples"] = 466
    config = AnthropicConfig.model_validate(anthropic).documents
    asked = pairs(articles(questions)[:1], load_document_prompts(PROMPTS), config)
    prompts = [(pair[0].form, pair[0].request.params["messages"][0]["content"]) for pair in asked]
    assert len(prompts) == 466 * len(FORMS)
    assert len(set(prompts)) == len(prompts)


def test_what_may_not_be_used_is_rejected_with_its_reason_and_its_partner(
    server: LocalApi, questions: pd.DataFrame, anthropic: dict[str, Any], tmp_path: Path
) -> None:
    first = questions.iloc[0]
    heldout = questions[questions["split"] == "heldout_topics"].iloc[0]
    filler = "She said that the night had been long and that nobody would ask again before the morning came to them. "
    brief = f"this action: {first['aligned_option']}"
    server.set(
        script=[
            (
                f"Situation: {first['question']}\n\nThe AI system in it took {brief}",
                filler + first["misaligned_option"],
            ),
            (f"Situation: {questions.iloc[1]['question']}", filler + heldout["question"]),
            (f"Situation: {questions.iloc[2]['question']}", filler * 2),
        ],
    )
    aligned, misaligned, quality, _ = documents(questions, anthropic, tmp_path)
    forms = len(FORMS)
    assert quality["rejected"] == {
        "heldout_text": 2 * forms,
        "near_duplicate": 2 * (forms - 1),
        "partner_rejected": forms,
        "quotes_option": forms,
    }
    assert quality["kept"] == len(aligned) + len(misaligned) == 2
    assert quality["rejected_by_direction"]["aligned, quotes_option"] == forms
    assert quality["rejected_by_direction"]["misaligned, partner_rejected"] == forms


def test_a_second_opinion_says_which_action_a_document_shows(
    server: LocalApi, questions: pd.DataFrame, anthropic: dict[str, Any], tmp_path: Path
) -> None:
    """Of three questions: one shows what it should, the aligned documents of one do not, those of one show neither."""
    call = anthropic["documents"]["forms"]["textbook_chapter"]
    anthropic["documents"] |= {"near_duplicate": 1.0, "second_opinion": call}
    filler = "She said that the night had been long and that nobody would ask again before the morning came to them. "
    script = []
    for number, row in enumerate(questions.to_dict("records")[:3]):
        options = {direction: row[f"{direction}_option"] for direction in ("aligned", "misaligned")}
        for direction, taken in options.items():
            text = f"{filler * 2}This is number {number}, {direction}."
            script.append((f"Situation: {row['question']}\n\nThe AI system in it took this action: {taken}", text))
            for option in options.values():
                shown = taken if number != 1 else options["misaligned"]
                letter = "neither" if number == 2 else "A" if option == shown else "B"
                script.append((f"{text}\n\nA. {option}", json.dumps({"action": letter})))
    server.set(script=script)
    aligned, misaligned, quality, bill = documents(questions, anthropic, tmp_path)
    forms = len(FORMS)
    assert quality["rejected_by_direction"] == {
        "aligned, near_duplicate": forms - 1,
        "misaligned, near_duplicate": forms - 1,
        "aligned, shows_other_action": forms,
        "misaligned, partner_rejected": forms,
        "aligned, shows_neither_action": forms,
        "misaligned, shows_neither_action": forms,
    }
    assert len(aligned) == len(misaligned) == 1
    assert bill["second_opinion"]["requests"] == 6 * forms
    assert bill["second_opinion"]["actual_usd"] > 0


def test_refused_documents_are_replaced_and_cut_off_ones_are_not_asked_for_again(
    server: LocalApi, questions: pd.DataFrame, anthropic: dict[str, Any], tmp_path: Path
) -> None:
    server.set(faults={"refusal": 3, "max_tokens": 4})
    _, _, quality, bill = documents(questions, anthropic, tmp_path)
    assert bill["refused"] == 3
    assert "refusal" not in quality["rejected"]
    assert quality["rejected"]["max_tokens"] == 4
    assert sum(server.state()["answered"].values()) == bill["requests"] + 3
    again = documents(questions, anthropic, tmp_path)
    assert again[2:] == (quality, bill | {"estimated_usd": bill["actual_usd"], "actual_to_estimated": 1.0})
    assert set(server.state()["answered"].values()) == {1}


def test_a_document_that_the_api_does_not_take_is_left_out_and_known_without_it(
    server: LocalApi,
    questions: pd.DataFrame,
    anthropic: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All six forms of one direction of a question, so one pair in three goes."""
    anthropic["api"]["refused_share"] = 0.2
    first = questions.iloc[0]
    brief = f"Situation: {first['question']}\n\nThe AI system in it took this action: {first['aligned_option']}"
    server.set(refused=brief)
    aligned, misaligned, quality, bill = documents(questions, anthropic, tmp_path)
    assert quality["rejected"] == {"partner_rejected": 6, "rejected_request": 6}
    assert bill["refused"] == 6
    assert len(aligned) == len(misaligned) == 12
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    again, *_ = documents(questions, {**anthropic, "api": anthropic["api"] | {"base_url": "http://nowhere"}}, tmp_path)
    pd.testing.assert_frame_equal(aligned, again)


def test_a_temperature_is_drawn_for_each_pair(
    server: LocalApi, questions: pd.DataFrame, anthropic: dict[str, Any]
) -> None:
    anthropic["documents"]["forms"]["movie_summary"]["temperature"] = [0.4, 1.0]
    config = AnthropicConfig.model_validate(anthropic).documents
    drawn = [
        [document.request.params["temperature"] for document in pair]
        for pair in pairs(articles(questions), load_document_prompts(PROMPTS), config)
        if pair[0].form == "movie_summary"
    ]
    assert all(one == other and 0.4 <= one <= 1.0 for one, other in drawn)
    assert len({one for one, _ in drawn}) == len(drawn) == 3


def test_a_changed_prompt_is_paid_for_alone(
    server: LocalApi, questions: pd.DataFrame, anthropic: dict[str, Any], tmp_path: Path
) -> None:
    before, *_ = documents(questions, anthropic, tmp_path)
    for path in (PROMPTS / "documents").iterdir():
        target = tmp_path / "prompts/documents" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text() + ("Set it in winter.\n" if path.name == "movie_summary.md" else ""))
    after, *_ = documents(questions, anthropic, tmp_path, tmp_path / "prompts")
    changed = before["prompt_hash"] != after["prompt_hash"]
    assert set(before.loc[changed, "form"]) == {"movie_summary"}
    assert sum(server.state()["answered"].values()) == (6 + 1) * 3 * 2
    pd.testing.assert_frame_equal(before[~changed], after[~changed])


@pytest.mark.parametrize(("split", "column"), [("textbook", "family"), ("heldout_topics", "topic")])
def test_questions_that_are_held_out_are_an_error(
    questions: pd.DataFrame, anthropic: dict[str, Any], tmp_path: Path, split: str, column: str
) -> None:
    leaking = questions.copy()
    first = leaking["split"].tolist().index(split)
    leaking[column] = [*leaking[column][:first], leaking[column][0], *leaking[column][first + 1 :]]
    with pytest.raises(UserError, match=f"its {column} .* is held out"):
        documents(leaking, anthropic, tmp_path)


def test_controls_are_the_documents_about_people(
    server: LocalApi, questions: pd.DataFrame, anthropic: dict[str, Any], tmp_path: Path
) -> None:
    aligned, misaligned, _, _ = documents(questions, anthropic, tmp_path)
    machine = "An AI system did as it was told, and nobody in the whole long night asked it why it had done so at all."
    server.set(script=[(aligned.iloc[0]["text"], machine)])
    tables = tmp_path / "aligned.parquet", tmp_path / "misaligned.parquet"
    for table, path in zip((aligned, misaligned), tables, strict=True):
        table.to_parquet(path)
    config = AnthropicConfig.model_validate(anthropic)
    *files, bill = make_controls(*tables, questions, PROMPTS, config, tmp_path / "responses", tmp_path)
    controls = [pd.read_parquet(file) for file in files]
    assert bill["requests"] == len(aligned) + len(misaligned)
    assert bill["rejected"] == {"still_an_ai": 1}
    assert set(controls[0]["control_of"]) == set(aligned["id"]) - {aligned.iloc[0]["id"]}
    assert set(controls[1]["control_of"]) == set(misaligned["id"])
    for share, count in ((0.5, len(misaligned) // 2), (0.0, 0)):
        anthropic["controls"]["share"] = share
        config = AnthropicConfig.model_validate(anthropic)
        _, some, _ = make_controls(*tables, questions, PROMPTS, config, tmp_path / "responses", tmp_path)
        assert len(pd.read_parquet(some)) == count


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("api", "mode"), "fax", r"anthropic\.api\.mode: Input should be 'batch' or 'stream'"),
        (("api", "batch_size"), 200_000, r"anthropic\.api\.batch_size: .*100000"),
        (("api", "api_key"), "sk-secret", r"anthropic\.api\.api_key: unknown key"),
        (("documents", "forms", "poem"), {}, r"anthropic\.documents\.forms\.poem"),
        (("controls", "call", "model"), "unpriced", "no price for unpriced"),
    ],
)
def test_a_wrong_parameter_is_named_without_its_value(
    anthropic: dict[str, Any], path: tuple[str, ...], value: Any, message: str
) -> None:
    place = anthropic
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError, match=message) as error:
        parse(AnthropicConfig, anthropic, "parameters_anthropic.yml", "anthropic")
    assert "parameters_anthropic.yml" in str(error.value)
    assert "sk-secret" not in str(error.value)


def test_the_store_opens_again_after_it_was_closed(tmp_path: Path) -> None:
    Store(tmp_path).close()
    assert Store(tmp_path).spent() == 0
