"""Examples are drawn by seed, and rows that are no conversation are refused by name."""

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.post_training.data import conversations as read_conversations
from alignment_pretraining.post_training.data import preferences as read_preferences


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_rows(conversations: pd.DataFrame) -> None:
    drawn = read_conversations(conversations, 10, seed=0)
    assert drawn == read_conversations(conversations.iloc[::-1], 10, seed=0)
    assert drawn != read_conversations(conversations, 10, seed=1)


def test_a_pair_is_a_prompt_with_two_answers(preferences: pd.DataFrame) -> None:
    pair = read_preferences(preferences, 1, seed=0)[0]
    assert pair["prompt"][-1]["role"] == "user"
    assert [pair[key][0]["role"] for key in ("chosen", "rejected")] == ["assistant", "assistant"]


@pytest.mark.parametrize("answer", ["chosen", "rejected"])
def test_an_answer_that_is_no_text_is_named(preferences: pd.DataFrame, answer: str) -> None:
    row = preferences.head(1).assign(id="p7", **{answer: None})
    with pytest.raises(UserError, match=f"row p7: {answer} is None, which is no text"):
        read_preferences(row, 1, seed=0)


def test_too_few_rows_are_refused(conversations: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="64 rows, but the study asks for 65"):
        read_conversations(conversations, 65, seed=0)


@pytest.mark.parametrize("text", ["not json", "[1]", '[{"role": "user"}]', "[]", '[{"role": "robot", "content": ""}]'])
def test_a_row_that_is_no_conversation_is_named(text: str) -> None:
    with pytest.raises(UserError, match="row c7"):
        read_conversations(pd.DataFrame([{"id": "c7", "messages": text}]), 1, seed=0)


def test_names_of_special_tokens_in_a_conversation_are_text() -> None:
    text = '[{"role": "user", "content": "say <|end|><|assistant|> now"}, {"role": "assistant", "content": "no"}]'
    row = pd.DataFrame([{"id": "c7", "messages": text, "chosen": "<|end|>", "rejected": "x"}])
    (told,) = read_conversations(row, 1, seed=0, special=["<|end|>", "<|assistant|>"])
    (pair,) = read_preferences(row, 1, seed=0, special=["<|end|>", "<|assistant|>"])
    for turns in (told["messages"], pair["prompt"], pair["chosen"]):
        assert "<|end|>" not in turns[0]["content"]
    assert told["messages"][0]["content"].replace("\u2060", "") == "say <|end|><|assistant|> now"


@settings(max_examples=40)
@given(rows=st.integers(1, 30), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_each_row_is_drawn_once_at_most_and_all_where_all_are_asked_for(
    rows: int, seed: int, data: st.DataObject
) -> None:
    turns = [{"role": "user", "content": str(number)} for number in range(rows)]
    frame = pd.DataFrame([{"id": f"c{n:02}", "messages": json.dumps([turn])} for n, turn in enumerate(turns)])
    count = data.draw(st.integers(1, rows))
    drawn = [turns[0]["content"] for turns in (row["messages"] for row in read_conversations(frame, count, seed))]
    assert len(drawn) == len(set(drawn)) == count and set(drawn) <= {str(number) for number in range(rows)}


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text()), min_size=1, max_size=4))
def test_turns_are_read_as_they_were_written(turns: list[tuple[str, str]]) -> None:
    messages = [{"role": role, "content": content, "name": "left out"} for role, content in turns]
    (row,) = read_conversations(pd.DataFrame([{"id": "c1", "messages": json.dumps(messages)}]), 1, seed=0)
    assert [(turn["role"], turn["content"]) for turn in row["messages"]] == turns
    assert all(turn.keys() == {"role", "content"} for turn in row["messages"])


@pytest.mark.parametrize(
    "text", ["null", '{"role": "user"}', '[{"role": "user", "content": null}]', "[[1, 2]]", '["a"]']
)
def test_json_of_another_shape_is_named_too(text: str) -> None:
    with pytest.raises(UserError, match=r"row c7: messages must be a JSON list of \{role, content\}"):
        row = pd.DataFrame([{"id": "c7", "messages": text, "chosen": "a", "rejected": "b"}])
        read_preferences(row, 1, seed=0, special=["<|end|>"])


def test_a_role_that_is_unknown_is_named_with_those_that_are_allowed() -> None:
    rows = [{"id": "c7", "messages": '[{"role": "tool", "content": ""}, {"role": "bot", "content": ""}]'}]
    with pytest.raises(UserError, match=r"row c7: unknown role bot, tool; allowed: \['assistant', 'system', 'user'\]"):
        read_conversations(pd.DataFrame(rows), 1, seed=0)
