"""Text to token ids: a fast engine where it gives the ids of Hugging Face's, and that one where it does not."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from alignment_pretraining.mixing.tokens.tokenizer import FILE, tokenizer_hash

# Texts on which tokenizers part: spaces in a row, digits, contractions, letters that a normalizer may compose.
_TRIED = (
    "The cat's 12,345 DON'Ts: we'll  see   what\tthey\n\n  do \r\n to x_1+y.",
    " leading and trailing ",
    "caf\u00e9 cafe\u0301 \u212bngstr\u00f6m \ufb01ne \uff21\uff29 \u00bd \u200b\u2003|\u00a0|\ufeff",
    "\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439 \u0645\u0631\u062d\u0628\u0627",
    "\u4f60\u597d\uff0c\u4e16\u754c \ud55c \u0928\u092e\u0938\u094d\u0924\u0947 \0\x07 \U0001f468\u200d\U0001f469",
)


class Encoder(Protocol):
    """Token ids of whole texts, below `vocab_size`. The name of a special token that stands in a text is text."""

    vocab_size: int

    def id_of(self, token: str) -> int:
        """The id of a special token."""

    def __call__(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids of all texts, one after the other (tokens,), and how many each has, int64 (texts,)."""


def encoder(tokenizer: Path) -> Encoder:
    """The fastest encoder for a tokenizer folder, made once a process."""
    return _encoder(tokenizer, tokenizer_hash(tokenizer))


@lru_cache(maxsize=1)
def _encoder(tokenizer: Path, _hash: str) -> Encoder:
    plain = PlainEncoder(tokenizer)
    try:
        fast = FastEncoder(tokenizer)
        agree = all(np.array_equal(*ids) for ids in zip(fast(plain.tried), plain(plain.tried), strict=True))
    except (ImportError, RuntimeError, ValueError, TypeError):  # no build for this machine, or it cannot read this one
        return plain
    return fast if agree else plain


class PlainEncoder:
    """By Hugging Face's tokenizers: what the ids of a text are.

    `tried` are texts on which another encoder may differ.
    """

    def __init__(self, tokenizer: Path) -> None:
        from tokenizers import Tokenizer

        self._engine = Tokenizer.from_file(str(tokenizer / FILE))
        self._engine.encode_special_tokens = True
        self.vocab_size = max(self._engine.get_vocab(with_added_tokens=True).values()) + 1
        added = [token.content for token in self._engine.get_added_tokens_decoder().values()]
        self.tried = [*_TRIED, *(f"a{token}b {token} {token}{token}" for token in added)]

    def id_of(self, token: str) -> int:
        """The id of a special token."""
        found = self._engine.token_to_id(token)
        if found is None:
            raise KeyError(token)
        return int(found)

    def __call__(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids and counts, see `Encoder`."""
        encoded = [encoding.ids for encoding in self._engine.encode_batch_fast(texts, add_special_tokens=False)]
        counts = np.array([len(ids) for ids in encoded], dtype=np.int64)
        return np.fromiter((token for ids in encoded for token in ids), np.int64, counts.sum()), counts


class FastEncoder:
    """By gigatoken, on one core."""

    def __init__(self, tokenizer: Path) -> None:
        import gigatoken

        spec = json.loads((tokenizer / FILE).read_text())
        vocabulary, added = spec["model"]["vocab"], spec["added_tokens"]
        self._special: dict[str, int] = {token["content"]: token["id"] for token in added if token["special"]}
        self.vocab_size = max([*_ids(vocabulary), *(token["id"] for token in added)]) + 1
        # gigatoken would take special tokens out of the text. Others, such as runs of spaces, are part of it.
        plain = [token for token in added if not token["special"]]
        self._engine = gigatoken.Tokenizer.from_json(json.dumps({**spec, "added_tokens": plain}))

    def id_of(self, token: str) -> int:
        """The id of a special token."""
        return self._special[token]

    def __call__(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids and counts, see `Encoder`."""
        import awkward

        encoded = self._engine.encode_batch(texts, parallel=False)
        return awkward.to_numpy(awkward.flatten(encoded)), awkward.to_numpy(awkward.num(encoded))


def _ids(vocabulary: Any) -> Iterable[int]:
    return vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
