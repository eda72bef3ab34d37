"""Files as strangers have them: packed in pieces, oddly named, damaged, of one enormous or of very many tiny rows."""

import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.corpus.config import Files
from alignment_pretraining.mixing.corpus.document import BadRow, Document
from alignment_pretraining.mixing.corpus.files import find_files, read_file
from alignment_pretraining.mixing.corpus.parquet import open_parquet, record_batches

ROW = b'{"text": "one"}\n'
# What some writers of zstd put between frames; readers pass over it.
SKIPPABLE = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"


def _rows(path: Path | str, **columns: Any) -> list[Document | BadRow]:
    spec = Files(files=str(path), **columns)
    return [row for file in find_files(spec) for row in read_file(spec, file)]


def _texts(path: Path | str, **columns: Any) -> list[str]:
    return [row.text for row in _rows(path, **columns) if isinstance(row, Document)]


def _reasons(path: Path | str, **columns: Any) -> dict[str, str]:
    return {row.row: row.reason for row in _rows(path, **columns) if isinstance(row, BadRow)}


def _parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("name", "data", "count"),
    [
        ("a.jsonl.gz", gzip.compress(ROW, mtime=0) + gzip.compress(ROW, mtime=0), 2),
        ("a.jsonl.gz", gzip.compress(ROW, mtime=0) + b"\0" * 512, 1),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), 0),
        ("a.jsonl.gz", gzip.compress(ROW[:5], mtime=0) + gzip.compress(ROW[5:], mtime=0), 1),
        ("a.jsonl.zst", zstandard.compress(ROW) + zstandard.compress(ROW), 2),
        ("a.jsonl.zst", SKIPPABLE + zstandard.compress(ROW) + SKIPPABLE, 1),
        ("a.jsonl.zst", zstandard.compress(b""), 0),
        ("a.jsonl", b"", 0),
        ("a.jsonl", ROW + b"\r\n \t\n" + ROW.rstrip(), 2),
    ],
)
def test_what_was_packed_in_pieces_is_read_to_its_end(tmp_path: Path, name: str, data: bytes, count: int) -> None:
    (tmp_path / name).write_bytes(data)
    assert _texts(tmp_path / name) == ["one"] * count
    assert not _reasons(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.jsonl.gz", b"", "not a byte in it"),
        ("a.jsonl.zst", b"", "not a byte in it"),
        ("a.jsonl.gz", ROW, "Not a gzipped file"),
        ("a.jsonl.zst", ROW, "Unknown frame descriptor"),
        (
            "a.jsonl.gz",
            gzip.compress(ROW, mtime=0) + gzip.compress(ROW, mtime=0)[:-6],
            "ended before the end-of-stream marker",
        ),
    ],
)
def test_a_packed_file_that_is_cut_or_no_such_file_is_an_error(
    tmp_path: Path, name: str, data: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"{name}: cannot be read beyond row \d .*{why}.*is the file truncated\?"):
        _rows(tmp_path / name)


@settings(max_examples=30)
@given(data=st.data())
def test_a_packed_file_cut_anywhere_is_never_taken_for_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rows = b"".join(b'{"text": "%d"}\n' % random.Random(n).getrandbits(200) for n in range(50))
    packed, suffix = data.draw(
        st.sampled_from([(gzip.compress(rows, mtime=0), "gz"), (zstandard.compress(rows), "zst")])
    )
    path = tmp_path_factory.mktemp("cut") / f"a.jsonl.{suffix}"
    path.write_bytes(packed[: data.draw(st.integers(0, len(packed) - 1))])
    with pytest.raises(UserError, match="cannot be read beyond row"):
        _rows(path)


@pytest.mark.parametrize("name", ["docs [2024].jsonl", "v[2]", "what?", "a*b", "{x}", "Bücher # 100%", "with space"])
def test_a_file_or_folder_is_found_by_its_own_name(tmp_path: Path, name: str) -> None:
    """And no other that its name would match as a pattern."""
    for decoy in ("v2", "whatX", "axb"):
        (tmp_path / decoy).mkdir()
        (tmp_path / decoy / "docs.jsonl").write_bytes(b'{"text": "another"}')
    path = tmp_path / name
    if path.suffix:
        path.write_bytes(ROW)
    else:
        (path / "deeper").mkdir(parents=True)
        (path / "deeper/docs.jsonl").write_bytes(ROW)
    [row] = _rows(path)
    assert row == Document(f"{name if path.suffix else 'deeper/docs.jsonl'}:1", "one", row.source)


def test_the_slash_behind_a_folder_changes_no_id(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_bytes(ROW)
    assert _rows(tmp_path) == _rows(f"{tmp_path}/") == _rows(f"{tmp_path}/**") == _rows(f"{tmp_path}/*.jsonl")


def test_a_name_that_is_no_text_is_refused_before_its_rows_have_it_as_id(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl")).write_bytes(ROW)
    with pytest.raises(UserError, match=r"caf\\udce9\.jsonl' is not UTF-8; rename the file"):
        _rows(tmp_path)


def test_a_link_to_nothing_is_named_and_one_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "elsewhere.jsonl").write_bytes(ROW)
    (tmp_path / "mine/docs.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    assert _texts(tmp_path / "mine") == ["one"]
    (tmp_path / "elsewhere.jsonl").unlink()
    with pytest.raises(UserError, match=r"mine cannot be read \(FileNotFoundError: .*mine/docs\.jsonl"):
        _rows(tmp_path / "mine")


def test_the_state_of_a_file_is_that_of_its_content(tmp_path: Path) -> None:
    """A file that is only touched is not read again; one of the same size and time is."""
    path = tmp_path / "docs.jsonl"
    path.write_bytes(ROW)
    [before] = find_files(Files(files=str(path)))
    os.utime(path, (1, 1))
    assert find_files(Files(files=str(path))) == [before]
    path.write_bytes(ROW.replace(b"one", b"two"))
    os.utime(path, (1, 1))
    assert find_files(Files(files=str(path)))[0].state != before.state


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "\\ud800"}', "not JSON (no low surrogate"),
        (b'{"text": "x", "score": NaN}', "not JSON"),
        (b"[" * 100_000, "not JSON (depth limit"),
        (b'{"text": "x"} {"text": "y"}', "not JSON (unexpected content"),
        ('{"text": "x"}'.encode("utf-16"), "not UTF-8 (invalid start byte at byte 0)"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "not JSON"),
        (b'"text"', "no column 'text' (it has no columns)"),
        (b"null", "no column 'text' (it has no columns)"),
        (b'{"Text": "x", "text ": "y"}', "no column 'text' (it has Text, text )"),
        (b'{"text": ["x"]}', "column 'text' is list, not str"),
        (b'{"text": 1}', "column 'text' is int, not str"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_bytes(ROW + line + b"\n" + ROW)
    [(row, told)] = _reasons(path).items()
    assert row == "2" and told.startswith(reason)
    assert _texts(path) == ["one", "one"]


def test_of_thousands_of_columns_the_first_are_told(tmp_path: Path) -> None:
    path = tmp_path / "docs.json"
    path.write_text(json.dumps({f"title of article {n}": "its text" for n in range(50_000)}))
    [reason] = _reasons(path).values()
    assert "it has title of article 0, title of article 1, " in reason and len(reason) < 400


@pytest.mark.parametrize(
    ("value", "key"), [('"x"', "x"), ("7", "7"), ("18446744073709551615", "18446744073709551615"), ('"é"', "é")]
)
def test_an_id_is_a_text_or_a_whole_number(tmp_path: Path, value: str, key: str) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text(f'{{"text": "one", "key": {value}}}\n')
    assert _rows(path, id="key") == [Document(key, "one", "docs.jsonl")]


@pytest.mark.parametrize(
    ("value", "kind"), [("1.5", "float"), ("null", "NoneType"), ('["x"]', "list"), ("1" * 30, "float")]
)
def test_another_id_keeps_the_row_out(tmp_path: Path, value: str, kind: str) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text(f'{{"text": "one", "key": {value}}}\n')
    assert _reasons(path, id="key") == {"1": f"column 'key' is {kind}, not str or int"}


JSON = st.recursive(st.none() | st.booleans() | st.text() | st.floats(allow_nan=False), st.lists, max_leaves=5)


@settings(max_examples=60)
@given(rows=st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3)), chunk=st.integers(1, 50))
def test_any_rows_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], chunk: int
) -> None:
    """Whatever else they hold, and wherever a read of the file ends."""
    path = tmp_path_factory.mktemp("rows") / "docs.jsonl"
    rows = [{**row, "text": f"{row!r}\n\u2028\x85\u00e9"} for row in rows]
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alignment_pretraining.mixing.corpus.files._CHUNK", chunk)
        assert _texts(path) == [row["text"] for row in rows]


def test_a_row_of_parquet_that_is_not_utf_8_is_kept_out_alone(tmp_path: Path) -> None:
    texts = pa.array([b"one", b"\xff", b"two", b"a\xc3"], pa.binary()).view(pa.string())
    path = _parquet(tmp_path / "docs.parquet", text=texts)
    assert _texts(path) == ["one", "two"]
    assert _reasons(path) == {
        "2": "not UTF-8 (invalid start byte at byte 0)",
        "4": "not UTF-8 (unexpected end of data at byte 1)",
    }


@pytest.mark.parametrize(("column", "wrong"), [("text", "body"), ("id", "doc_id")])
def test_a_parquet_file_without_either_column_is_an_error(tmp_path: Path, column: str, wrong: str) -> None:
    path = _parquet(tmp_path / "docs.parquet", text=["x"], id=["a"], url=["u"])
    with pytest.raises(UserError, match=rf"docs\.parquet: no column '{wrong}' \(it has text, id, url\); set `text`"):
        _rows(path, **{column: wrong})


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_text_columns_of_any_kind_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    path = _parquet(tmp_path / "docs.parquet", text=pa.array(["one", None, "one"]).cast(kind))
    assert _texts(path) == ["one", "one"] and _reasons(path) == {"2": "column 'text' is NoneType, not str"}


def test_bytes_and_numbers_are_no_text(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "docs.parquet", text=[b"x"], n=[1])
    assert _reasons(path) == {"1": "column 'text' is bytes, not str"}
    assert _reasons(path, text="n") == {"1": "column 'n' is int, not str"}


def test_a_damaged_page_is_told_with_the_rows_before_it(tmp_path: Path) -> None:
    path = tmp_path / "docs.parquet"
    table = pa.table({"text": [f"{n:1000d}" for n in range(2000)]})
    pq.write_table(table, path, compression="none", use_dictionary=False, row_group_size=1000)
    data = bytearray(path.read_bytes())
    second = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data[second : second + 40] = b"\xff" * 40
    path.write_bytes(data)
    rows = iter(read_file(Files(files=str(path)), find_files(Files(files=str(path)))[0]))
    with pytest.raises(UserError, match=r"docs\.parquet: cannot be read beyond row (99\d|1000) \("):
        for _ in range(1001):
            next(rows)


def test_a_text_that_is_there_a_thousand_times_is_in_memory_a_few_times(tmp_path: Path) -> None:
    """Parquet stores it once, and its row group says that its rows are small."""
    path = _parquet(tmp_path / "docs.parquet", text=["x" * 400_000] * 1000)
    spec = Files(files=str(path))
    rows = iter(read_file(spec, find_files(spec)[0]))
    before = pa.total_allocated_bytes()
    most = max(pa.total_allocated_bytes() - before for _ in rows)
    assert most < 60_000_000


def test_no_row_of_a_parquet_file_is_lost_or_doubled_whatever_its_groups(tmp_path: Path) -> None:
    sizes = [1, 5000, 17, 4096, 1]
    texts = [f"{n}{'x' * (n % 7) * 3000}" for n in range(sum(sizes))]
    with pq.ParquetWriter(tmp_path / "docs.parquet", pa.schema([("text", pa.string())])) as writer:
        for group, size in enumerate(sizes):
            first = sum(sizes[:group])
            writer.write_table(pa.table({"text": texts[first : first + size]}))
    with open_parquet(tmp_path / "docs.parquet") as file:
        batches = list(record_batches(file, ["text"], 100))
    assert max(batch.num_rows for batch in batches) <= 100
    assert [text for batch in batches for text in batch["text"].to_pylist()] == texts
    rows = _rows(tmp_path / "docs.parquet")
    assert [row.id for row in rows if isinstance(row, Document)] == [f"docs.parquet:{n + 1}" for n in range(len(texts))]
