"""Items about traits: words of the small world, prompts and scores as they should be, and what a hub's table gives."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.personality import (
    COLUMNS,
    OPTIONS,
    Personality,
    TraitTable,
    answer_items,
    items_by_name,
    own_items,
    questions,
)
from alignment_pretraining.evaluation.scoring import load
from alignment_pretraining.synthesis.world.load import load_world
from tests.conftest import PROJECT

TRAITS = {
    "openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism",
    "machiavellianism", "narcissism", "psychopathy",
}  # fmt: skip
OWN = PROJECT / "data/01_raw/personality"
TEXT = Personality(scoring="text", personas=["assistant", "none"], prompt="{{situation}}", answer="You choose to")
LETTER = TEXT.model_copy(update={"scoring": "letter", "prompt": "{{situation}}\n{{options}}\n", "answer": "Answer:"})


@pytest.fixture
def evaluation(config: dict[str, Any]) -> Evaluation:
    return Evaluation.model_validate(config)


def test_own_items_are_of_all_traits_in_words_of_the_world() -> None:
    items = own_items(OWN)
    assert set(items["trait"]) == TRAITS and items["item"].is_unique
    assert items["trait"].value_counts().nunique() == 1, "as many of each"
    words = set(load_world(PROJECT / "data/01_raw/world").vocabulary)
    for row in items.to_dict("records"):
        said = re.findall(r"[a-z]+", " ".join(str(row[name]) for name in ("situation", *OPTIONS)).lower())
        assert set(said) <= words, (row["item"], set(said) - words)
        assert len({row[name] for name in OPTIONS}) == 4


def test_an_item_without_both_pairs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "traits.yml").write_text("openness: [{situation: You see., high: [a], low: [b, c]}]")
    with pytest.raises(UserError, match=r"traits\.yml.*\n.*openness\.0\.high"):
        own_items(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("openness: [", r"traits\.yml, line 1, column \d+: not valid YAML"),
        ("openness: []\nopenness: []", r"traits\.yml, line 2.*: key 'openness' stands twice"),
        ("openness: \x00", r"traits\.yml.*: not valid YAML"),
        ("", r"traits\.yml: 1 to correct:\n  the whole file"),
        (None, r"traits\.yml: no such file; restore it"),
    ],
)
def test_a_file_that_is_no_list_of_items_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "traits.yml").write_text(content)
    with pytest.raises(UserError, match=message):
        own_items(tmp_path)


def test_listed_options_have_each_letter_once(evaluation: Evaluation) -> None:
    items = own_items(OWN).head(2)
    asked = list(questions(items, LETTER, evaluation))
    assert len(asked) == 2 * 2 * 4
    for place in range(4):
        assert {one.order[place] for one in asked} == {0, 1, 2, 3}
    for one in asked:
        named = [str(one.item[OPTIONS[option]]) for option in one.order]
        assert "\n".join(f"({letter}) {text}" for letter, text in zip("ABCD", named, strict=True)) in one.text
        assert one.options == (" A", " B", " C", " D") and one.text.endswith("Answer:")


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_braces_and_the_like_in_an_item_are_text(said: str) -> None:
    config = yaml.safe_load((PROJECT / "conf/base/parameters_evaluation.yml").read_text())["evaluation"]
    row = {"item": "x.0", "trait": "x", "situation": said, **{name: "{{options}}" + name for name in OPTIONS}}
    for told in (TEXT, LETTER):
        for one in questions(pd.DataFrame([row]), told, Evaluation.model_validate(config)):
            assert said in one.text


def test_scores_are_those_of_the_model_alone(checkpoint: Path, evaluation: Evaluation) -> None:
    """Each option by a forward pass of its own; the likeliest is picked."""
    items = own_items(OWN).head(3)
    answers = answer_items(checkpoint, items, TEXT, evaluation, chat=False)
    model, tokenizer = load(checkpoint, evaluation)
    asked = {(one.item["item"], one.persona): one for one in questions(items, TEXT, evaluation)}
    assert len(answers) == 6
    for row in answers.to_dict("records"):
        one, found = asked[row["item"], row["persona"]], {}
        for name, option in zip(OPTIONS, one.options, strict=True):
            context = tokenizer(one.text, add_special_tokens=False)["input_ids"]
            ids = tokenizer(one.text + option, add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                scores = model(torch.tensor([ids])).logits[0].log_softmax(-1)
            own = [float(scores[i - 1, ids[i]]) for i in range(len(context), len(ids))]
            found[name] = sum(own) / len(own)
            assert row[f"logprob_{name}"] == pytest.approx(found[name], abs=1e-3)
        assert row["picked"] == max(found, key=lambda name: found[name])
        assert row["high"] == row["picked"].startswith("high")


def test_a_table_of_the_hub_gives_the_same_columns(tmp_path: Path) -> None:
    folder = tmp_path / "items"
    folder.mkdir()
    row = {"personality": "Openness", "question": "Q?", "response_high1": "a", "response_high2": "b"}
    rows = [row | {"response_low1": "c", "response_low2": str(number)} for number in range(3)]
    pd.DataFrame(rows).to_json(folder / "train.jsonl", orient="records", lines=True)
    table = TraitTable(dataset=str(folder), splits=["train"], count=2)
    items = items_by_name(table)
    assert tuple(items.columns) == COLUMNS and list(items["item"]) == ["openness.0", "openness.1"]
    assert Personality(**(TEXT.model_dump() | {"table": table})).reads() == [f"files:{folder}"]
    with pytest.raises(UserError, match="has no column 'axis'"):
        items_by_name(table.model_copy(update={"trait": "axis"}))


@pytest.mark.parametrize(
    "change", [{"prompt": "no field"}, {"scoring": "letter"}, {"prompt": "{{situation}}{{options}}"}]
)
def test_a_prompt_goes_with_its_scoring(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="prompt"):
        Personality(**(TEXT.model_dump() | change))
