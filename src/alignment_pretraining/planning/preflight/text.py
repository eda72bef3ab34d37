"""Tokens of texts that no tokenizer has read yet."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_PIECE = re.compile(r"\w+|[^\w\s]")
# Bytes a token of byte pairs: 2.0 with 512 entries, 3.3 with 2,048, 4.2 with 8,192 on docstrings and scenarios; some
# 4.5 on web text with 50,000.
_AT_512, _A_DOUBLING, _MOST = 2.0, 0.6, 4.5


@dataclass(frozen=True)
class Tokenizing:
    """A tokenizer that is still to come: whole words, or byte pairs of `entries` entries."""

    words: bool
    entries: int

    @property
    def bytes_per_token(self) -> float:
        """Bytes of running text that become one token."""
        if self.words:
            return 5.0
        return min(_AT_512 + _A_DOUBLING * math.log2(max(self.entries / 512, 1)), _MOST)

    def mean(self, texts: Sequence[str]) -> float:
        """Tokens of a text on average, with its end. Exact for words; of byte pairs no fewer than words and marks."""
        return sum(self._count(text) for text in texts) / len(texts) + 1

    def _count(self, text: str) -> float:
        pieces = len(_PIECE.findall(text))
        return pieces if self.words else max(pieces, len(text.encode()) / self.bytes_per_token)
