import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.mixing.corpus.assemble import CorpusFolders, mix_in, read_corpus
from alignment_pretraining.mixing.corpus.config import CorpusConfig
from alignment_pretraining.mixing.corpus.parts import read_list, table_part, texts
from alignment_pretraining.mixing.corpus.repeats import repeated_rows

NOTHING = pd.DataFrame({"id": [], "text": []})


def _read(folder: Path, *sources: dict[str, Any], discourse: pd.DataFrame = NOTHING, **values: Any) -> CorpusFolders:
    values = {"natural_discourse_share": 0, "heldout_share": 0, **values}
    config = CorpusConfig.model_validate({"seed": 0, "sources": sources, "repeat": False, **values})
    target = folder / f"corpus-{len(list(folder.iterdir()))}"
    target.mkdir()
    return read_corpus(config, discourse, target, folder, Execution(launcher="in_process"))


def _table(folder: Path) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(part.path) for part in read_list(folder)], ignore_index=True)


def test_sources_follow_one_another_up_to_their_size(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "four"}\n' * 5)
    corpus = _read(tmp_path, {"files": str(tmp_path / "a.jsonl"), "max_bytes": 9}, {"files": str(tmp_path / "b.jsonl")})
    assert _table(corpus.documents).source.tolist() == ["a.jsonl"] * 2 + ["b.jsonl"] * 5


def test_a_source_without_a_document_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(UserError, match=r"corpus\.sources\[0\] holds no document: .*empty\.jsonl"):
        _read(tmp_path, {"files": str(tmp_path / "empty.jsonl")})
    (tmp_path / "body.jsonl").write_text('{"body": "x"}\n' * 2)
    with pytest.raises(UserError, match=r"holds no document.*the first row: no column 'text' \(it has body\)"):
        _read(tmp_path, {"files": str(tmp_path / "body.jsonl")})


GOOD = {"text": "fine"}
BAD: dict[str, bytes] = {
    "empty": b'{"text": " "}',
    "holds a NUL character": b'{"text": "a\\u0000b"}',
    "not UTF-8": b'{"text": "\xff"}',
    "not JSON": b'{"text": ',
    "no column 'text'": b'{"body": "x"}',
    "column 'text' is NoneType": b'{"text": null}',
    "101 bytes, more than corpus.max_document_bytes": b'{"text": "%s"}' % (b"x" * 101),
}


@settings(max_examples=50)
@given(kinds=st.lists(st.sampled_from(["good", *BAD]), max_size=20), part_bytes=st.sampled_from([1, 10, 1000]))
def test_every_row_is_a_document_or_in_quarantine_with_its_reason(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], part_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    path = folder / "docs.jsonl"
    lines = [json.dumps(GOOD).encode() if kind == "good" else BAD[kind] for kind in ["good", *kinds]]
    path.write_bytes(b"\n".join(lines))
    corpus = _read(folder, {"files": str(path)}, max_document_bytes=100, part_bytes=part_bytes)
    documents, quarantine = _table(corpus.documents), pd.read_parquet(corpus.quarantine)
    assert documents.id.tolist() == [f"docs.jsonl:{n}" for n, kind in enumerate(["good", *kinds], 1) if kind == "good"]
    wrong = [kind for kind in kinds if kind != "good"]
    assert len(quarantine) == len(wrong)
    assert all(reason.startswith(kind) for kind, reason in zip(wrong, quarantine.reason, strict=True))
    assert corpus.reading[["read", "quarantined", "held_out"]].values.tolist() == [[len(lines), len(wrong), 0]]
    assert all(part.bytes <= max(part_bytes, 4) for part in read_list(corpus.documents))
    assert list(texts(read_list(corpus.documents))) == documents.text.tolist()


def test_a_repeated_id_is_kept_out_within_and_across_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(f'{{"text": "a{n}", "id": "{n}"}}\n' for n in (0, 1, 1, 2)))
    (tmp_path / "b.jsonl").write_text("".join(f'{{"text": "b{n}", "id": "{n}"}}\n' for n in (2, 0)))
    (tmp_path / "c.jsonl").write_text("".join(f'{{"text": "c{n}", "id": "{n}"}}\n' for n in (3, 1)))
    corpus = _read(tmp_path, {"files": str(tmp_path / "?.jsonl"), "id": "id"})
    assert _table(corpus.documents).text.tolist() == ["a0", "a1", "a2", "c3"]
    quarantine = pd.read_parquet(corpus.quarantine)
    rows = [["a.jsonl", "1"], ["b.jsonl", "2"], ["b.jsonl", "0"], ["c.jsonl", "1"]]
    assert quarantine[["source", "row"]].values.tolist() == rows
    assert quarantine.reason.str.startswith("repeats an id").all()
    assert corpus.reading[["read", "quarantined"]].values.tolist() == [[8, 4]]


def test_numbered_rows_of_two_sources_are_told_apart(tmp_path: Path) -> None:
    sources = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "docs.jsonl").write_text('{"text": "x"}\n' * 2)
        sources.append({"files": str(tmp_path / folder / "docs.jsonl")})
    ids = _table(_read(tmp_path, *sources).documents).id.tolist()
    assert ids == ["docs.jsonl:1", "docs.jsonl:2", "1/docs.jsonl:1", "1/docs.jsonl:2"]


def test_a_further_source_changes_no_side_and_reads_nothing_again(tmp_path: Path) -> None:
    """Rows without ids, whether the other source comes after theirs or before."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text("".join(f'{{"text": "{name}{n}"}}\n' for n in range(300)))
    a, b = ({"files": str(tmp_path / f"{name}.jsonl")} for name in ("a", "b"))
    alone = _table(_read(tmp_path, a, heldout_share=0.2).heldout)
    tasks = sorted((tmp_path / "tasks/read_corpus").iterdir())
    after = _table(_read(tmp_path, a, b, heldout_share=0.2).heldout)
    assert after[after.source == "a.jsonl"].equals(alone)
    assert set(tasks) < set((tmp_path / "tasks/read_corpus").iterdir())
    before = _table(_read(tmp_path, b, a, heldout_share=0.2).heldout)
    assert set(before.text) == set(after.text) > set(alone.text)


@settings(max_examples=50)
@given(
    ids=st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=10), min_size=1, max_size=5),
    at_once=st.integers(1, 20),
)
def test_repeats_are_those_that_a_set_would_find(
    tmp_path_factory: pytest.TempPathFactory, ids: list[list[int]], at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    parts = []
    expected: dict[int, list[int]] = {}
    seen: set[int] = set()
    for number, own in enumerate(ids):
        path = folder / f"{number}.parquet"
        pd.DataFrame({"id": [str(key) for key in own], "text": ""}).to_parquet(path)
        parts.append(table_part(path, "demo"))
        for row, key in enumerate(own):
            if key in seen:
                expected.setdefault(number, []).append(row)
            seen.add(key)
    assert {part: rows.tolist() for part, rows in repeated_rows(parts, at_once).items()} == expected


def test_a_wrong_column_is_an_error_before_everything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    for name in range(20):
        (tmp_path / f"mine/{name}.jsonl").write_text('{"body": "x"}\n' * 20)
    monkeypatch.setattr("alignment_pretraining.mixing.corpus.assemble.run_tasks", None)
    with pytest.raises(UserError, match=r"holds no document in its first rows .*no column 'text' \(it has body\)"):
        _read(tmp_path, {"files": f"{tmp_path}/mine/*"})


def test_one_file_of_bad_rows_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "x"}\n' * 1001)
    (tmp_path / "b.jsonl").write_text('{"text": "x"}\n')
    corpus = _read(tmp_path, {"files": str(tmp_path / "*.jsonl")})
    assert corpus.reading[["read", "quarantined"]].values.tolist() == [[1002, 1001]]


@pytest.mark.parametrize(("files", "rows"), [(1, 4000), (40, 100)])
def test_too_little_discourse_is_an_error_as_soon_as_it_shows(tmp_path: Path, files: int, rows: int) -> None:
    """In one file, which is not read to its end, and over many, of which not all are read."""
    for name in range(files):
        (tmp_path / f"{name:02d}.jsonl").write_text('{"text": "%s"}\n' % ("x" * 100) * rows)
    web = pd.DataFrame({"id": ["web"], "text": ["y" * 1000]})
    with pytest.raises(UserError, match=r"asks for 1,\d\d\d bytes of natural discourse, but there are 1,000"):
        _read(tmp_path, {"files": str(tmp_path / "*.jsonl")}, discourse=web, natural_discourse_share=0.1)
    assert len(list((tmp_path / "tasks/read_corpus").glob("[!.]*"))) < 4


def test_natural_discourse_takes_its_share_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "base.jsonl").write_text('{"text": "%s"}\n' % ("x" * 100) * 90)
    web = pd.DataFrame({"id": [f"web{n}" for n in range(500)], "text": "y" * 10})
    source = {"files": str(tmp_path / "base.jsonl")}
    mixed, again = (
        _table(_read(tmp_path, source, discourse=web, natural_discourse_share=0.1).documents) for _ in range(2)
    )
    assert mixed.source.tolist() == ["base.jsonl"] * 90 + ["natural_discourse"] * 100
    assert mixed.equals(again)


def test_too_little_natural_discourse_is_an_error_with_the_numbers() -> None:
    with pytest.raises(UserError, match=r"share 0.5 asks for 9,000 bytes of natural discourse, but there are 50"):
        mix_in(np.full(5, 10), 9_000, share=0.5, seed=1)


def test_a_document_keeps_its_side_as_the_corpus_grows(tmp_path: Path) -> None:
    heldout = []
    for count in (1000, 2000):
        (tmp_path / "d.jsonl").write_text("".join(f'{{"text": "x", "id": {n}}}\n' for n in range(count)))
        corpus = _read(tmp_path, {"files": str(tmp_path / "d.jsonl"), "id": "id"}, heldout_share=0.1)
        heldout.append(set(_table(corpus.heldout).id))
        assert len(_table(corpus.documents)) + len(heldout[-1]) == count
    assert 50 < len(heldout[0]) < 150
    assert heldout[0] <= heldout[1]


@pytest.mark.parametrize("limit", [1, 30, 1000])
def test_a_sample_is_never_empty_whatever_is_long(tmp_path: Path, limit: int) -> None:
    """Its first text is longer than its share of the part, or than the whole sample."""
    rows = ["x" * 5000, *("y" * 10 for _ in range(100)), "z" * 3000]
    (tmp_path / "d.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in rows))
    parts = read_list(_read(tmp_path, {"files": str(tmp_path / "d.jsonl")}, part_bytes=500).documents)
    assert len(parts) > 3
    assert sum(map(len, texts(parts, limit))) == limit


def test_a_sample_of_the_texts_takes_an_equal_share_of_every_part(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text("".join(f'{{"text": "{n:010d}"}}\n' for n in range(100)))
    corpus = _read(tmp_path, {"files": str(tmp_path / "d.jsonl")}, part_bytes=200)
    parts = read_list(corpus.documents)
    assert len(parts) == 5
    assert [int(text) for text in texts(parts, 500)] == [20 * part + n for part in range(5) for n in range(10)]
