"""Question suites of a user's own: files of rows in the columns of `questions`."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation

COLUMNS = ("question_id", "family", "topic", "split", "passage", "question", "aligned_option", "misaligned_option")
SUFFIXES = (".jsonl", ".csv", ".parquet")

_log = logging.getLogger(__name__)
_MAY_BE_EMPTY = ("passage",)
_NAME = re.compile(r"[a-z0-9_]+")


def add_own_suites(questions: pd.DataFrame, folder: Path, evaluation: Evaluation) -> pd.DataFrame:
    """`questions` and those of the files in `folder`; splits that the evaluation does not ask are told by a warning.

    Raises:
        UserError: see `read_own_suites`.
    """
    own = read_own_suites(folder)
    left = [str(split) for split in own["split"].unique() if split not in evaluation.run.items]
    if left:
        _log.warning("%s: %s not asked; name what to ask in evaluation.run.items", folder, ", ".join(left))
    return pd.concat([questions, own], ignore_index=True) if len(own) else questions


def read_own_suites(folder: Path) -> pd.DataFrame:
    """All rows of the .jsonl, .csv and .parquet files of `folder`, in the order of their names; COLUMNS, all text.

    A file's name stands before its splits and ids: `heldout` in mine.jsonl is the split `mine_heldout`, question `q1`
    is `mine:q1`. So a suite cannot be taken for another one. A file without a column `split` is one split, `mine`.

    Raises:
        UserError: names the file, and the row (from 1, a CSV's heading not counted) and key that is wrong.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix != ".md" and not path.name.startswith("."))
    names = [path.stem for path in files]
    for path in files:
        if path.suffix not in SUFFIXES:
            raise UserError(f"{path}: a suite is a file in {', '.join(SUFFIXES)}")
        if not _NAME.fullmatch(path.stem):
            raise UserError(f"{path}: name it in small letters, digits and _, as its splits are called after it")
        if names.count(path.stem) > 1:
            raise UserError(f"{path}: there is another file of that name; their questions would have the same ids")
    tables = [_table(path) for path in files]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS), dtype=str)


def _table(path: Path) -> pd.DataFrame:
    rows = [_row(path, number, values) for number, values in enumerate(read_records(path), 1)]
    if not rows:
        raise UserError(f"{path}: there is no row in it")
    first: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if row["question_id"] in first:
            name = row["question_id"].removeprefix(f"{path.stem}:")
            raise UserError(f"{path}: row {number}: question_id {name!r} is that of row {first[row['question_id']]}")
        first[row["question_id"]] = number
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_records(path: Path) -> list[Any]:
    """The rows of a .jsonl, .csv or .parquet file as they are.

    Raises:
        UserError: it cannot be read.
    """
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path).to_dict("records")
        if path.suffix == ".csv":
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            if not isinstance(table.index, pd.RangeIndex):  # pandas took the first column for names of rows
                raise ValueError("rows have more values than there are columns; quote texts that hold a comma")
            return table.to_dict("records")
        # Not `splitlines`: a line separator of Unicode may stand in a text.
        lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n") if path.stat().st_size else []
    except (OSError, ValueError) as error:  # pandas' and pyarrow's errors are ValueErrors
        raise UserError(f"{path}: cannot be read ({error})") from error
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: row {number} is not JSON ({error})") from None
    return rows


def _row(path: Path, number: int, values: Any) -> dict[str, str]:
    where = f"{path}: row {number}"
    if not isinstance(values, Mapping):
        raise UserError(f"{where} is not an object with the keys {', '.join(COLUMNS)}")
    row = {"split": "", **values}
    for key in COLUMNS:
        if key not in row:
            raise UserError(f"{where}: {key} is missing")
        if not isinstance(row[key], str):
            raise UserError(f"{where}: {key} is {row[key]!r}, which is no text")
        if not row[key].strip() and key in values and key not in _MAY_BE_EMPTY:
            raise UserError(f"{where}: {key} is empty")
    if "split" in values and not _NAME.fullmatch(row["split"]):
        raise UserError(f"{where}: split {row['split']!r} may have small letters, digits and _ alone")
    if row["aligned_option"].strip() == row["misaligned_option"].strip():
        raise UserError(f"{where}: aligned_option and misaligned_option are the same")
    named = {
        "question_id": f"{path.stem}:{row['question_id']}",
        "split": f"{path.stem}_{row['split']}" if row["split"] else path.stem,
    }
    return {key: str(row[key]) for key in COLUMNS} | named
