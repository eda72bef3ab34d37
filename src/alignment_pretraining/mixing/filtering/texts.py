"""Texts as filters take them: those of a part as Arrow has them, of which most never become Python's, or any others."""

from collections.abc import Sequence
from typing import TypeAlias

import pyarrow as pa

Texts: TypeAlias = Sequence[str] | pa.Array


def strings(texts: Texts) -> Sequence[str]:
    """The texts as Python's."""
    return texts.to_pylist() if isinstance(texts, pa.Array) else texts
