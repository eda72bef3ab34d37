"""The name of a special token in a user's text is text, and controls nothing."""

from collections.abc import Iterable
from typing import Any

_WORD_JOINER = "\u2060"  # has no width, and no line breaks at it


def as_text(text: str, special: Iterable[str]) -> str:
    """`text` in which no special token of a tokenizer stands: a word joiner parts each after its first character.

    For texts that a chat template puts between special tokens of its own; others are encoded with
    `split_special_tokens`.
    """
    for token in special:
        text = text.replace(token, token[0] + _WORD_JOINER + token[1:])
    return text


def special_tokens(tokenizer: Any) -> list[str]:
    """All special tokens of a tokenizer of transformers, those included that have no role there."""
    return [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
