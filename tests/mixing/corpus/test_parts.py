"""Documents too many for memory: written, listed, sampled and compared part by part."""

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import numbered
from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.mixing.corpus import parts as module
from alignment_pretraining.mixing.corpus.document import BadRow
from alignment_pretraining.mixing.corpus.parts import (
    Part,
    PartWriter,
    batches,
    read_list,
    table_part,
    texts,
    write_list,
)
from alignment_pretraining.mixing.corpus.quarantine import QuarantineWriter, gather
from alignment_pretraining.mixing.corpus.repeats import repeated_rows


def _written(folder: Path, documents: list[str], part_bytes: int) -> list[Part]:
    writer = PartWriter(folder, "p-", part_bytes)
    for number, text in enumerate(documents):
        writer.add(f"id {number}", text, "demo", len(text.encode()))
    writer.close()
    return [Part(folder / name, "demo", "corpus", rows, size, "") for name, rows, size in writer.written]


@settings(max_examples=60)
@given(documents=st.lists(st.text(min_size=1, max_size=9).filter(str.isprintable)), part_bytes=st.integers(1, 30))
def test_parts_hold_every_document_once_in_order_and_no_more_than_their_size(
    tmp_path_factory: pytest.TempPathFactory, documents: list[str], part_bytes: int
) -> None:
    made = _written(tmp_path_factory.mktemp("parts"), documents, part_bytes)
    found = [pair for part in made for ids, some in batches(part.path) for pair in zip(ids, some, strict=True)]
    assert found == [(f"id {number}", text) for number, text in enumerate(documents)]
    sizes = [[len(text.encode()) for _, some in batches(part.path) for text in some] for part in made]
    assert [(part.rows, part.bytes) for part in made] == [(len(own), sum(own)) for own in sizes]
    assert all(sum(own) <= part_bytes or len(own) == 1 for own in sizes)
    for own, following in pairwise(sizes):
        assert sum(own) + following[0] > part_bytes, "a part ends only when the next document does not fit"


def test_short_documents_wait_in_small_groups_and_parts_end_before_they_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GROUP_ROWS", 10)
    monkeypatch.setattr(module, "_PART_ROWS", 25)
    made = _written(tmp_path, ["x"] * 60, part_bytes=1_000_000)
    assert [part.rows for part in made] == [25, 25, 10]
    metadata = pq.ParquetFile(made[0].path).metadata
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [10, 10, 5]


def test_a_writer_without_documents_leaves_no_file(tmp_path: Path) -> None:
    assert _written(tmp_path, [], 10) == [] and not list(tmp_path.iterdir())


def test_a_list_says_what_each_part_is_wherever_its_folder_lies(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    made = _written(tmp_path / "a", ["é"] * 5, part_bytes=4)
    write_list(tmp_path / "a", made)
    (tmp_path / "a").rename(tmp_path / "b")
    assert read_list(tmp_path / "b") == [
        Part(tmp_path / "b" / part.path.name, "demo", "corpus", rows, 2 * rows, "")
        for part, rows in zip(made, (2, 2, 1), strict=True)
    ]
    table = pd.read_parquet(tmp_path / "b")
    assert table.text.tolist() == ["é"] * 5, "the list does not get in the way of what reads the folder as a table"


@pytest.mark.parametrize("gone", ["_parts.json", "p-00001.parquet"])
def test_a_folder_that_lost_a_file_is_told_with_the_way_out(tmp_path: Path, gone: str) -> None:
    write_list(tmp_path, _written(tmp_path, ["x"] * 3, part_bytes=1))
    (tmp_path / gone).unlink()
    with pytest.raises(UserError, match=rf"parts are missing \(.*{gone}.*\); run the mixing pipeline again"):
        read_list(tmp_path)


def test_a_table_is_a_part_of_its_own_pool(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["a", "b"], "text": ["x", "y"]}).to_parquet(tmp_path / "t.parquet")
    part = table_part(tmp_path / "t.parquet", "mcqa")
    assert (part.source, part.pool, part.rows, part.hash) == ("mcqa", "mcqa", 2, file_sha256(tmp_path / "t.parquet"))
    assert list(batches(part.path)) == [(["a", "b"], ["x", "y"])]


@settings(max_examples=80)
@given(
    documents=st.lists(st.text(alphabet="aé€\U0001f600", min_size=1, max_size=12), min_size=1, max_size=30),
    part_bytes=st.integers(5, 60),
    limit=st.integers(1, 300),
)
def test_a_sample_reaches_its_limit_and_draws_on_all_of_the_corpus(
    tmp_path_factory: pytest.TempPathFactory, documents: list[str], part_bytes: int, limit: int
) -> None:
    made = _written(tmp_path_factory.mktemp("sample"), documents, part_bytes)
    total = sum(part.bytes for part in made)
    sample = list(texts(made, limit))
    size = sum(len(text.encode()) for text in sample)
    if total <= limit:
        assert sample == documents
        return
    assert limit - 4 < size <= limit, "a character of up to four bytes is not cut"
    rest = iter(documents)
    assert all(any(whole.startswith(text) for whole in rest) for text in sample), "in order, and nothing else"


@pytest.mark.parametrize("count", [1, 99_999, 100_000, 100_001, 12_345_678])
def test_names_of_files_sort_as_their_numbers(count: int) -> None:
    numbers = sorted({n for n in (0, 1, 9, 10, 99_998, 99_999, 100_000, count - 1) if n < count})
    names = [numbered(number, count) for number in numbers]
    assert names == sorted(names) and len({len(name) for name in names}) == 1
    assert [int(name) for name in names] == numbers


def test_comparing_ids_takes_few_bytes_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As texts they would take some hundred, as a set of hashes sixty."""
    monkeypatch.setattr("alignment_pretraining.mixing.corpus.repeats._SOME", 5000)
    count = 100_000
    ids = [f"https://example.org/a/rather/long/address/{number}" for number in range(count)]
    pd.DataFrame({"id": ids, "text": ""}).to_parquet(tmp_path / "ids.parquet")
    part = table_part(tmp_path / "ids.parquet", "demo")
    tracemalloc.start()
    found = repeated_rows([part], folder=tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == {}
    assert most < 40 * count


def test_every_repeat_is_found_whatever_stands_between(tmp_path: Path) -> None:
    """More ids than are hashed at a time, in parts of which some have no row."""
    generator = np.random.default_rng(0)
    parts = []
    seen: set[str] = set()
    expected: dict[int, list[int]] = {}
    for number, count in enumerate((0, 5000, 0, 7000)):
        ids = [str(n) for n in generator.integers(0, 6000, count)]
        pd.DataFrame({"id": ids, "text": [""] * count}).to_parquet(tmp_path / f"{number}.parquet")
        parts.append(table_part(tmp_path / f"{number}.parquet", "demo"))
        rows = []
        for row, key in enumerate(ids):
            rows += [row] if key in seen else []
            seen.add(key)
        expected |= {number: rows} if rows else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alignment_pretraining.mixing.corpus.repeats._SOME", 1000)
        found = repeated_rows(parts, at_once=3000, folder=tmp_path)
    assert {part: rows.tolist() for part, rows in found.items()} == expected
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".parquet"], "hashes leave no file"


def test_bad_rows_of_all_tasks_are_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alignment_pretraining.mixing.corpus.quarantine._ROWS", 7)
    for name, count in (("a", 20), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        writer = QuarantineWriter(tmp_path / name)
        for row in range(count):
            writer.add(BadRow(f"{name}.jsonl", str(row), f"reason {row}"))
        writer.close()
        assert (writer.count, writer.first) == (count, "reason 0" if count else "")
    table = pd.read_parquet(gather([tmp_path / name for name in "abc"], tmp_path / "quarantine.parquet"))
    expected = [("a.jsonl", n) for n in range(20)] + [("c.jsonl", 0)]
    assert list(table.columns) == ["source", "row", "reason"]
    assert table.values.tolist() == [[source, str(n), f"reason {n}"] for source, n in expected]
