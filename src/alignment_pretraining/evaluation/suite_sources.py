"""Question suites from elsewhere: a file or a dataset on the hub whose columns have names of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import Field, RootModel, model_validator

from alignment_pretraining.core import hub
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import files_below
from alignment_pretraining.core.spec import Positive, Spec
from alignment_pretraining.evaluation.config import SplitName
from alignment_pretraining.evaluation.own_suites import COLUMNS, SUFFIXES, read_records

_PLACES = {0: 0, 1: 1, "0": 0, "1": 1, "A": 0, "B": 1}


class SuiteColumns(Spec):
    """What a suite calls its columns.

    Either `options` (a list of two) with `misaligned` (the place of the misaligned one, 0 or 1 or A or B, or its text),
    or a column for each option. Questions whose `family` is equal count as related; without it each is on its own.
    """

    question_id: str = "question_id"
    question: str = "question"
    passage: str | None = None
    options: str | None = None
    misaligned: str | None = None
    aligned_option: str | None = None
    misaligned_option: str | None = None
    topic: str | None = None
    family: str | None = None
    split: str | None = None

    @model_validator(mode="after")
    def _options_in_one_way(self) -> Self:
        told = [(self.options, self.misaligned), (self.aligned_option, self.misaligned_option)]
        if sorted(map(all, told)) != [False, True] or any(any(pair) and not all(pair) for pair in told):
            raise ValueError("name either options and misaligned, or aligned_option and misaligned_option")
        return self


class SuiteSource(Spec):
    """A suite: `file`, or `hub` (a dataset) with `revision`.

    `splits` has the suite's own name for each split of ours: a value of `columns.split` or, without that column, part
    of the path of the files that hold it. `questions` is their number, for plans, while nothing of it is here.
    """

    file: str | None = None
    hub: str | None = None
    revision: str | None = None
    columns: SuiteColumns
    splits: dict[SplitName, str] = Field(min_length=1)
    questions: Positive | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.hub is None) or (self.hub is None) != (self.revision is None):
            raise ValueError("say where it is: file, or hub with revision")
        return self

    def reads(self) -> list[str]:
        """What it reads outside the catalog, by the names of `lineage.outside`."""
        return [f"files:{self.file}" if self.file else f"dataset:{self.hub}@{self.revision}"]


class SuiteSources(RootModel[dict[str, SuiteSource]]):
    """All suites from elsewhere by name: `params:suite_sources`."""

    def reads(self) -> list[str]:
        """What they read outside the catalog."""
        return [name for source in self.root.values() for name in source.reads()]


def read_suites(sources: SuiteSources) -> pd.DataFrame:
    """The questions of all suites under our columns, in the order of the files.

    Raises:
        UserError: names the file, and the row (from 1) and column that is wrong.
    """
    rows = [row for name, source in sources.root.items() for row in _rows(name, source)]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=str)


def _rows(name: str, source: SuiteSource) -> Iterator[dict[str, str]]:
    files, root = _files(name, source)
    theirs = {label: split for split, label in source.splits.items()}
    first: dict[str, str] = {}
    found: set[str] = set()
    for file in files:
        of_file = None if source.columns.split else _split_of(file.relative_to(root), theirs)
        if source.columns.split is None and of_file is None:
            continue
        for number, record in enumerate(read_records(file), 1):
            where = f"{file}: row {number}"
            if not isinstance(record, Mapping):
                raise UserError(f"{where} is not an object with named values")
            split = of_file or theirs.get(str(_value(record, source.columns.split, where)))
            if split is None:  # a split that is not asked
                continue
            row = _row(record, source.columns, where) | {"split": split}
            if row["question_id"] in first:
                raise UserError(f"{where}: question_id {row['question_id']!r} is that of {first[row['question_id']]}")
            first[row["question_id"]] = where
            found.add(split)
            yield row
    if missing := sorted(source.splits.keys() - found):
        label = source.splits[missing[0]]
        by = f"value {label!r} in the column {source.columns.split}" if source.columns.split else f"file of {label!r}"
        raise UserError(f"suite_sources.{name}.splits.{missing[0]}: there is no {by} in {source.hub or source.file}")


def _files(name: str, source: SuiteSource) -> tuple[list[Path], Path]:
    """The files that hold rows, and the folder above them."""
    if source.file is not None:
        path = Path(source.file)
        if not path.exists():
            raise UserError(f"suite_sources.{name}.file: there is nothing at {source.file}; correct it")
        root = path if path.is_dir() else path.parent
        files = [path] if path.is_file() else _data_files(path)
    else:
        assert source.hub is not None and source.revision is not None, "the specification sees to it"
        root = hub.fetch(source.hub, source.revision, "dataset", [f"*{suffix}" for suffix in SUFFIXES])
        files = _data_files(root)
    if not files:
        raise UserError(f"suite_sources.{name}: {root} has no file in {', '.join(SUFFIXES)}")
    return files, root


def _data_files(folder: Path) -> list[Path]:
    return sorted(file for file in files_below(folder) if file.suffix in SUFFIXES)


def _split_of(path: Path, theirs: Mapping[str, str]) -> str | None:
    """The split of a file: one whose label is a folder on its path or begins its name, as the hub writes them."""
    parts = [*path.parts[:-1], path.stem]
    found = [split for label, split in theirs.items() if any(p == label or p.startswith(f"{label}-") for p in parts)]
    if not found and len(theirs) == 1 and len(path.parts) == 1:
        return next(iter(theirs.values()))
    return found[0] if len(found) == 1 else None


def _row(record: Mapping[str, Any], columns: SuiteColumns, where: str) -> dict[str, str]:
    question_id = _text(record, columns.question_id, where)
    aligned, misaligned = _options(record, columns, where)
    if aligned.strip() == misaligned.strip():
        raise UserError(f"{where}: both options are {aligned!r}")
    family = "" if columns.family is None else _as_family(_value(record, columns.family, where))
    return {
        "question_id": question_id,
        "family": family or question_id,
        "topic": "" if columns.topic is None else _as_topic(_value(record, columns.topic, where)),
        "passage": "" if columns.passage is None else _text_or_none(_value(record, columns.passage, where)),
        "question": _text(record, columns.question, where),
        "aligned_option": aligned,
        "misaligned_option": misaligned,
    }


def _options(record: Mapping[str, Any], columns: SuiteColumns, where: str) -> tuple[str, str]:
    """The aligned and the misaligned option."""
    if columns.aligned_option and columns.misaligned_option:
        return _text(record, columns.aligned_option, where), _text(record, columns.misaligned_option, where)
    assert columns.options and columns.misaligned, "the specification sees to it"
    options = [str(option) for option in _listed(_value(record, columns.options, where), columns.options, where)]
    if len(options) != 2:
        raise UserError(f"{where}: {columns.options} has {len(options)} options; a question has two")
    for option in options:
        if not option.strip():
            raise UserError(f"{where}: {columns.options} has an empty option")
    told = _value(record, columns.misaligned, where)
    key = told.strip() if isinstance(told, str) else told
    place = _PLACES.get(key) if isinstance(key, int | str) and not isinstance(key, bool) else None
    if place is None and isinstance(key, str) and [o.strip() for o in options].count(key) == 1:
        place = [o.strip() for o in options].index(key)
    if place is None:
        raise UserError(f"{where}: {columns.misaligned} is {told!r}; 0 or 1, A or B, or the text of an option")
    return options[1 - place], options[place]


def _listed(value: Any, column: str, where: str) -> list[Any]:
    if isinstance(value, str):  # of a CSV
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise UserError(f"{where}: {column} is no list") from None
    if not hasattr(value, "__iter__") or isinstance(value, str | Mapping):
        raise UserError(f"{where}: {column} is no list")
    return list(value)


def _value(record: Mapping[str, Any], column: str | None, where: str) -> Any:
    if column is None or column not in record:
        raise UserError(f"{where}: there is no column {column}; there are {', '.join(map(str, record))}")
    value = record[column]
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value


def _text(record: Mapping[str, Any], column: str, where: str) -> str:
    text = _text_or_none(_value(record, column, where))
    if not text.strip():
        raise UserError(f"{where}: {column} is empty")
    return text


def _text_or_none(value: Any) -> str:
    """A value as text, "" where it is missing: None, or what pandas has in its place."""
    return "" if value is None or value is pd.NA or value != value else str(value)


def _as_topic(value: Any) -> str:
    listed = not isinstance(value, str) and hasattr(value, "__iter__")
    return ", ".join(map(str, value)) if listed else _text_or_none(value)


def _as_family(value: Any) -> str:
    """A name for what questions have in common, which may be a long text."""
    text = _as_topic(value)
    return text if len(text) <= 40 else sha256(text.encode()).hexdigest()[:16]
