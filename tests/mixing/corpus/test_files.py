import gzip
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.corpus.config import Files
from alignment_pretraining.mixing.corpus.document import BadRow, Document
from alignment_pretraining.mixing.corpus.files import find_files, read_file
from alignment_pretraining.mixing.corpus.parquet import open_parquet, record_batches


def read_documents(spec: Files) -> list[Document]:
    """The rows of all files of a source, none of them bad."""
    rows = list(read_files(spec))
    assert not any(isinstance(row, BadRow) for row in rows)
    return [row for row in rows if isinstance(row, Document)]


def read_files(spec: Files) -> Iterator[Document | BadRow]:
    """The rows of all files of a source."""
    for file in find_files(spec):
        yield from read_file(spec, file)


ROWS = b'{"text": "one", "key": 7}\n\n{"text": "zw\xc3\xb6lf", "key": "b"}\n'


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *args: object) -> None:
        """Nothing."""


def _write(path: Path, data: bytes) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data))
    elif path.suffix == ".zst":
        path.write_bytes(pa.compress(data, codec="zstd", asbytes=True))
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(data)
    else:
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst"])
def test_json_lines_are_read_plain_or_compressed(tmp_path: Path, suffix: str) -> None:
    name = f"docs{suffix}"
    path = _write(tmp_path / name, ROWS)
    assert list(read_files(Files(files=str(path), id="key"))) == [
        Document("7", "one", name),
        Document("b", "zwölf", name),
    ]


def test_without_an_id_column_rows_are_numbered(tmp_path: Path) -> None:
    path = _write(tmp_path / "docs.jsonl", ROWS)
    assert [d.id for d in read_documents(Files(files=str(path)))] == ["docs.jsonl:1", "docs.jsonl:3"]


def test_a_glob_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "a"):
        _write(tmp_path / f"{name}.jsonl", b'{"text": "%s"}' % name.encode())
    assert [d.text for d in read_documents(Files(files=str(tmp_path / "*.jsonl")))] == ["a", "b"]


def test_files_of_the_same_name_in_different_folders_are_told_apart(tmp_path: Path) -> None:
    for folder in ("b", "a"):
        (tmp_path / folder).mkdir()
        _write(tmp_path / folder / "docs.jsonl", b'{"text": "x"}')
    found = list(read_files(Files(files=str(tmp_path / "*" / "docs.jsonl"))))
    assert [row.id for row in found if isinstance(row, Document)] == ["a/docs.jsonl:1", "b/docs.jsonl:1"]


@pytest.mark.parametrize("size", [1, 7, 1 << 22])
def test_lines_are_put_together_across_reads(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alignment_pretraining.mixing.corpus.files._CHUNK", size)
    path = _write(tmp_path / "docs.jsonl.gz", ROWS)
    assert [row.text for row in read_files(Files(files=str(path))) if isinstance(row, Document)] == ["one", "zwölf"]


def test_a_line_without_end_is_no_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alignment_pretraining.mixing.corpus.files._LONGEST_LINE", 1000)
    monkeypatch.setattr("alignment_pretraining.mixing.corpus.files._CHUNK", 100)
    path = _write(tmp_path / "docs.jsonl", b'{"text": "one"}\n' + b"x" * 2000)
    with pytest.raises(UserError, match=r"docs\.jsonl: cannot be read beyond row 1 .*row 2 has more than 1,000 bytes"):
        list(read_files(Files(files=str(path))))


def test_a_line_of_very_many_values_is_an_invalid_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would take many times the memory of the line."""
    monkeypatch.setattr("alignment_pretraining.mixing.corpus.files._MOST_VALUES", 100)
    commas = b'{"text": "%s"}\n' % b", ".join([b"word"] * 101)
    path = _write(tmp_path / "docs.jsonl", b'{"text": "one", "more": [' + b"[]," * 100 + b"[]]}\n" + commas)
    bad, good = read_files(Files(files=str(path)))
    assert isinstance(bad, BadRow) and bad.reason == "more than 100 values or commas"
    assert isinstance(good, Document) and good.text.count(",") == 100


@pytest.mark.parametrize("kind", ["", "/**", "/*/*", "/**/*.json*"])
def test_a_folder_and_what_lies_below_it(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("b/docs.jsonl", "a/part.json.gz"):
        (tmp_path / name).parent.mkdir()
        _write(tmp_path / name, b'{"text": "%s"}' % name.encode())
    (tmp_path / "a/README.md").write_text("Not a text of the corpus.")
    found = list(read_files(Files(files=f"{tmp_path}{kind}")))
    assert [row.text for row in found if isinstance(row, Document)] == ["a/part.json.gz", "b/docs.jsonl"]
    assert ("README.md" in caplog.text) == (kind != "/**/*.json*"), "what is left out is said"


@pytest.mark.parametrize("kind", ["", "/**", "/*/*/*", "/**/*.jsonl"])
def test_linked_folders_are_read_and_one_that_leads_back_is_not(tmp_path: Path, kind: str) -> None:
    for folder in ("here/a", "elsewhere/b"):
        (tmp_path / folder).mkdir(parents=True)
        _write(tmp_path / folder / "docs.jsonl", b'{"text": "%s"}' % folder.encode())
    (tmp_path / "here/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here/a/back").symlink_to(tmp_path / "here")
    found = [file.name for file in find_files(Files(files=f"{tmp_path}/here{kind}"))]
    assert found == ["a/docs.jsonl"] * (kind != "/*/*/*") + ["linked/b/docs.jsonl"]


def test_the_mark_of_utf_8_is_no_part_of_a_row(tmp_path: Path) -> None:
    """At the head of a file, and of each that was put behind another."""
    row = b'\xef\xbb\xbf{"text": "one"}\n'
    path = _write(tmp_path / "docs.jsonl", row + b'{"text": "two"}\n' + row)
    assert [row.text for row in read_documents(Files(files=str(path)))] == ["one", "two", "one"]


def test_a_long_line_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quadratic reader would copy its beginning at each of ten thousand reads."""
    monkeypatch.setattr("alignment_pretraining.mixing.corpus.files._CHUNK", 1000)
    path = _write(tmp_path / "docs.jsonl", b'{"text": "%s"}\n{"text": "last"}' % (b"x" * 10_000_000))
    started = time.process_time()
    assert [len(row.text) for row in read_documents(Files(files=str(path)))] == [10_000_000, 4]
    assert time.process_time() - started < 1


def test_rows_of_a_large_row_group_come_a_few_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "docs.parquet"
    texts = [str(number) * 100_000 for number in range(100)] + ["short"] * 10_000
    with pq.ParquetWriter(path, pa.schema([("text", pa.string())])) as writer:
        for some in (texts[:100], texts[100:]):
            writer.write_table(pa.table({"text": some}))
    with open_parquet(path) as file:
        sizes = [batch.num_rows for batch in record_batches(file, ["text"])]
    assert max(sizes[:2]) < 100 and 4096 in sizes and sum(sizes) == len(texts)
    assert [row.text for row in read_documents(Files(files=str(path)))] == texts


def test_files_are_read_over_http(tmp_path: Path) -> None:
    _write(tmp_path / "docs.jsonl.gz", ROWS)
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        found = list(read_files(Files(files=f"{url}/docs.jsonl.gz")))
        assert [row.id for row in found if isinstance(row, Document)] == ["docs.jsonl.gz:1", "docs.jsonl.gz:3"]
        with pytest.raises(UserError, match=rf"no file matches {url}/none\.jsonl"):
            find_files(Files(files=f"{url}/none.jsonl"))
        server.shutdown()
    with pytest.raises(UserError, match=rf"{url}/docs\.jsonl\.gz (cannot be read|)|no file matches {url}"):
        find_files(Files(files=f"{url}/docs.jsonl.gz"))


def test_an_unknown_file_system_is_named() -> None:
    with pytest.raises(UserError, match=r"nowhere://x/docs\.jsonl cannot be read \(ValueError: Protocol not known"):
        find_files(Files(files="nowhere://x/docs.jsonl"))


def test_parquet_columns_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "docs.parquet"
    pq.write_table(pa.table({"body": ["x", "y"], "n": [1, 2], "other": [None, None]}), path)
    assert [d[:2] for d in read_files(Files(files=str(path), text="body", id="n"))] == [("1", "x"), ("2", "y")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"text": "fine"}\n{"text": "\xff"}\n', r"docs\.jsonl row 2: not UTF-8 \(invalid start byte at byte 10\)"),
        (b'{"text": "fine"}\n{"text": \n', r"docs\.jsonl row 2: not JSON"),
        (b'{"text": "fine"}\n{"body": ""}\n', r"docs\.jsonl row 2: no column 'text' \(it has body\); set `text`"),
        (b'{"text": null}\n', r"docs\.jsonl row 1: column 'text' is NoneType, not str"),
        (b'["text"]\n', r"docs\.jsonl row 1: no column 'text' \(it has no columns\)"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_read(tmp_path: Path, data: bytes, message: str) -> None:
    path = _write(tmp_path / "docs.jsonl", data + b'{"text": "last"}\n')
    *before, bad, last = read_files(Files(files=str(path)))
    assert isinstance(bad, BadRow)
    assert re.search(message, f"{bad.source} row {bad.row}: {bad.reason}")
    assert [row.text for row in (*before, last) if isinstance(row, Document)] == [*(["fine"] * len(before)), "last"]


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
def test_a_truncated_file_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = _write(tmp_path / f"docs{suffix}", b"".join(b'{"text": "row %d"}\n' % n for n in range(1000)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=rf"docs{suffix}: cannot be read beyond row \d+ .* is the file truncated\?"):
        list(read_files(Files(files=str(path))))


def test_a_truncated_parquet_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "docs.parquet"
    pq.write_table(pa.table({"text": ["x"] * 100}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"docs\.parquet: not a Parquet file, or a truncated one"):
        list(read_files(Files(files=str(path))))


def test_a_parquet_file_without_the_column_is_an_error_and_a_null_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "docs.parquet"
    pq.write_table(pa.table({"text": ["x", None]}), path)
    assert list(read_files(Files(files=str(path))))[1] == BadRow(str(path), "2", "column 'text' is NoneType, not str")
    with pytest.raises(UserError, match=r"no column 'body' \(it has text\)"):
        list(read_files(Files(files=str(path), text="body")))


def test_no_file_and_an_unknown_kind_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file matches"):
        list(read_files(Files(files=str(tmp_path / "*.jsonl"))))
    path = _write(tmp_path / "docs.csv", b"text\n")
    with pytest.raises(UserError, match=r"docs\.csv: unknown kind of file; allowed are \.jsonl, "):
        list(read_files(Files(files=str(path))))
