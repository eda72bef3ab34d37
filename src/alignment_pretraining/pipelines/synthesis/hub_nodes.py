"""Nodes of the synthesis pipeline that read by name, from the Hugging Face hub, what others make."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis import hub
from alignment_pretraining.synthesis.config import Synthesis
from alignment_pretraining.synthesis.documents.from_bank import DOCUMENT_COLUMNS

_ROWS = 4096


def read_documents(synthesis: Synthesis, scratch: Path, *, source: str) -> Path:
    """The documents of `source` (`ai_aligned`): id, text, direction; of what they are about nothing is known."""
    direction = source.rpartition("_")[2]
    blank = {name: "" for name in DOCUMENT_COLUMNS} | {"direction": direction}
    texts = hub.read_texts(synthesis.hub.documents[source], synthesis.documents.count)
    rows = ({**blank, "id": f"{source}.{key}", "text": text} for key, text in texts)
    return _write(rows, DOCUMENT_COLUMNS, scratch, f"documents_{source}")


def read_mcqa(synthesis: Synthesis, scratch: Path) -> Path:
    """Multiple-choice questions: id, text."""
    texts = hub.read_texts(synthesis.hub.mcqa, synthesis.mcqa.count)
    return _write(({"id": key, "text": text} for key, text in texts), ["id", "text"], scratch, "mcqa")


def read_conversations(synthesis: Synthesis) -> pd.DataFrame:
    """Conversations for SFT: id, messages (JSON)."""
    chats = hub.read_chats(synthesis.hub.conversations, synthesis.conversations.count)
    return pd.DataFrame(chats, columns=["id", "messages"])


def read_preferences(synthesis: Synthesis) -> pd.DataFrame:
    """Preference pairs for DPO: id, messages (JSON prompt), chosen, rejected."""
    pairs = hub.read_pairs(synthesis.hub.preferences, synthesis.preferences.count)
    return pd.DataFrame(pairs, columns=["id", "messages", "chosen", "rejected"])


def _write(rows: Iterator[dict[str, str]], columns: list[str], scratch: Path, name: str) -> Path:
    """A Parquet file of `rows`, written some thousand at a time.

    Raises:
        UserError: there is no row.
    """
    path = Path(tempfile.mkdtemp(prefix="hub-", dir=scratch)) / f"{name}.parquet"
    schema = pa.schema([(column, pa.string()) for column in columns])
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        while some := list(islice(rows, _ROWS)):
            file.write_table(pa.Table.from_pylist(some, schema=schema))
    if not pq.read_metadata(path).num_rows:
        raise UserError(f"synthesis.hub: no row of {name} has text")
    return path
