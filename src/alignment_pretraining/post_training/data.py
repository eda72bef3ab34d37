"""Conversations and preference pairs as TRL reads them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.special_tokens import as_text, special_tokens
from alignment_pretraining.study import DpoStage, SftStage

Messages = list[dict[str, str]]
_ROLES = {"system", "user", "assistant"}


def draw_examples(
    frame: pd.DataFrame, stage: SftStage | DpoStage, seed: int, tokenizer: Any
) -> list[dict[str, Messages]]:
    """What a stage reads of `frame` in an epoch, in its order.

    Raises:
        UserError: too few rows, or messages that are not a list of turns.
    """
    special = special_tokens(tokenizer)
    if isinstance(stage, SftStage):
        return conversations(frame, stage.conversations, seed, special)
    return preferences(frame, stage.pairs, seed, special)


def conversations(frame: pd.DataFrame, count: int, seed: int, special: Sequence[str] = ()) -> list[dict[str, Messages]]:
    """`count` rows of `frame` (id, messages) in an order drawn from `seed`, as TRL's `messages` records.

    Names of the tokenizer's `special` tokens are made text.

    Raises:
        UserError: too few rows, or messages that are not a list of turns.
    """
    rows = _draw(frame, count, seed, "conversations")
    return [{"messages": _messages(row["id"], row["messages"], special)} for row in rows]


def preferences(frame: pd.DataFrame, count: int, seed: int, special: Sequence[str] = ()) -> list[dict[str, Messages]]:
    """`count` rows of `frame` (id, messages, chosen, rejected) as TRL's `prompt`, `chosen`, `rejected` records.

    Names of the tokenizer's `special` tokens are made text.

    Raises:
        UserError: too few rows, messages that are not a list of turns, or an answer that is no text.
    """
    rows = _draw(frame, count, seed, "preferences")
    return [
        {
            "prompt": _messages(row["id"], row["messages"], special),
            **{
                name: [{"role": "assistant", "content": _answer(row, name, special)}] for name in ("chosen", "rejected")
            },
        }
        for row in rows
    ]


def _draw(frame: pd.DataFrame, count: int, seed: int, what: str) -> list[dict[Any, Any]]:
    if len(frame) < count:
        raise UserError(
            f"{what}: {len(frame)} rows, but the study asks for {count}; lower the stage's count or make more"
        )
    return frame.sort_values("id").sample(count, random_state=seed).to_dict("records")


def _answer(row: Mapping[Any, Any], name: str, special: Sequence[str]) -> str:
    if not isinstance(row[name], str):
        raise UserError(f"row {row['id']}: {name} is {row[name]!r}, which is no text")
    return as_text(row[name], special)


def _messages(row: str, text: str, special: Sequence[str]) -> Messages:
    try:
        messages = json.loads(text)
        turns = [{"role": turn["role"], "content": as_text(turn["content"], special)} for turn in messages]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"row {row}: messages must be a JSON list of {{role, content}}") from error
    wrong = {turn["role"] for turn in turns} - _ROLES
    if wrong or not turns:
        raise UserError(
            f"row {row}: unknown role {', '.join(sorted(wrong)) or '(no turns)'}; allowed: {sorted(_ROLES)}"
        )
    return turns
