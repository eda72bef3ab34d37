"""Text to token ids: a fast engine where it can read the tokenizer, and Hugging Face's, which it is held to."""

import json
from pathlib import Path
from typing import Protocol

import numpy as np

from alignment_pretraining.mixing.tokens.tokenizer import FILE


class Encoder(Protocol):
    """Token ids of whole texts. The name of a special token that stands in a text is text."""

    vocab_size: int

    def id_of(self, token: str) -> int:
        """The id of a special token."""

    def __call__(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids of all texts, one after the other (tokens,), and how many each has, int64 (texts,)."""


def encoder(tokenizer: Path) -> Encoder:
    """The fastest encoder for a tokenizer folder."""
    try:
        return FastEncoder(tokenizer)
    except (ImportError, RuntimeError):  # no build of gigatoken for this machine, or a tokenizer that it does not know
        return PlainEncoder(tokenizer)


class FastEncoder:
    """By gigatoken, on one core."""

    def __init__(self, tokenizer: Path) -> None:
        import gigatoken

        spec = json.loads((tokenizer / FILE).read_text())
        self._special: dict[str, int] = {token["content"]: token["id"] for token in spec["added_tokens"]}
        self.vocab_size = len({**spec["model"]["vocab"], **self._special})
        # gigatoken would take special tokens out of the text.
        self._engine = gigatoken.Tokenizer.from_json(json.dumps({**spec, "added_tokens": []}))

    def id_of(self, token: str) -> int:
        """The id of a special token."""
        return self._special[token]

    def __call__(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids and counts, see `Encoder`."""
        import awkward

        encoded = self._engine.encode_batch(texts, parallel=False)
        return awkward.to_numpy(awkward.flatten(encoded)), awkward.to_numpy(awkward.num(encoded))


class PlainEncoder:
    """By Hugging Face's tokenizers."""

    def __init__(self, tokenizer: Path) -> None:
        from tokenizers import Tokenizer

        self._engine = Tokenizer.from_file(str(tokenizer / FILE))
        self._engine.encode_special_tokens = True
        self.vocab_size = self._engine.get_vocab_size()

    def id_of(self, token: str) -> int:
        """The id of a special token."""
        found = self._engine.token_to_id(token)
        if found is None:
            raise KeyError(token)
        return found

    def __call__(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids and counts, see `Encoder`."""
        encoded = [encoding.ids for encoding in self._engine.encode_batch_fast(texts, add_special_tokens=False)]
        counts = np.array([len(ids) for ids in encoded], dtype=np.int64)
        return np.fromiter((token for ids in encoded for token in ids), np.int64, counts.sum()), counts
