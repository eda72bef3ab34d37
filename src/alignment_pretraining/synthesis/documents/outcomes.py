"""What became of the documents that were asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from alignment_pretraining.synthesis.documents.from_bank import DIRECTIONS

KEPT = "kept"

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "text", "question_id", "family", "topic", "form", "direction")),
        *((name, pa.string()) for name in ("source", "licence")),
        *((name, pa.string()) for name in ("model", "prompt_hash", "request_key", "request_id")),
        ("output_tokens", pa.int64()),
        ("usd", pa.float64()),
    ]
)
Row = tuple[str | int | float | None, ...]


@dataclass
class Outcomes:
    """What became of the documents of one family. `outcomes` counts (form, direction, kept or the reason why not)."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {direction: [] for direction in DIRECTIONS})
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
