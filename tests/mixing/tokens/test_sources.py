"""What a mix draws on: flags, quotations and lengths of just the documents that were tokenized."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.shards import Shards, token_dtype, write_shard
from alignment_pretraining.mixing.filtering import flags as flagging
from alignment_pretraining.mixing.tokens import sources
from alignment_pretraining.mixing.tokens.drawn import draw
from alignment_pretraining.mixing.tokens.pools import Pools
from alignment_pretraining.mixing.tokens.sources import (
    FLAG,
    LENGTH,
    ShardRecord,
    load_contamination,
    read_array,
    read_shard_records,
    write_array,
    write_flags,
    write_lengths,
    write_shard_records,
)

RECORDS = [ShardRecord("p0", "web", "h0"), ShardRecord("p1", "books", "h1")]


def _flags(folder: Path, parts: list[list[str]], records: list[ShardRecord] = RECORDS) -> Path:
    """A folder of flags: of every document its categories, none where it is not flagged."""
    folder.mkdir()
    for number, categories in enumerate(parts):
        flagged = [bool(one) for one in categories]
        columns = [[f"{number}-{n}" for n in range(len(flagged))], flagged, categories, categories]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, flagging.SCHEMA, strict=True)]
        pq.write_table(pa.table(arrays, schema=flagging.SCHEMA), folder / f"{number:05d}.parquet")
    write_shard_records(folder, records)
    return folder


def _tokens(folder: Path, records: list[ShardRecord] = RECORDS) -> Path:
    folder.mkdir()
    write_shard_records(folder, records)
    return folder


def test_a_list_comes_back_and_a_lost_one_is_told(tmp_path: Path) -> None:
    assert read_shard_records(_tokens(tmp_path / "tokens")) == RECORDS
    (tmp_path / "tokens/_shards.json").unlink()
    with pytest.raises(UserError, match=r"tokens: its list cannot be read .*; run the mixing pipeline again"):
        read_shard_records(tmp_path / "tokens")


def test_flags_are_numbers_of_their_categories_through_all_parts(tmp_path: Path) -> None:
    flags = _flags(tmp_path / "flags", [["", "labs", "labs;verbs"], ["verbs", "", "labs"]])
    found, categories = write_flags(flags, _tokens(tmp_path / "tokens"), tmp_path / "made")
    assert [categories[number] for number in found] == ["", "labs", "labs;verbs", "verbs", "", "labs"]
    assert categories[0] == "" and len(set(categories)) == len(categories)
    assert found.dtype == FLAG and (read_array(tmp_path / "made", FLAG) == found).all()


def test_a_document_that_is_flagged_without_a_name_is_still_flagged(tmp_path: Path) -> None:
    """And parts without documents are in nobody's way."""
    flags = _flags(tmp_path / "flags", [[], ["x"] * 3 + [""]], RECORDS)
    found, _ = write_flags(flags, _tokens(tmp_path / "tokens"), tmp_path / "made")
    assert (found > 0).tolist() == [True] * 3 + [False]


def test_more_combinations_of_categories_than_a_flag_can_tell_apart_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "FLAG", np.dtype("u1"))
    tokens, named = _tokens(tmp_path / "tokens"), [str(number) for number in range(256)]
    found, _ = write_flags(_flags(tmp_path / "most", [named[1:128], named[128:]]), tokens, tmp_path / "made")
    assert len(set(found.tolist())) == 255
    with pytest.raises(UserError, match="too-many: documents of more than 255 combinations of categories"):
        write_flags(_flags(tmp_path / "too-many", [named, []]), tokens, tmp_path / "made")


@pytest.mark.parametrize("others", [RECORDS[:1], RECORDS[::-1], [RECORDS[0], ShardRecord("p2", "books", "h1")]])
def test_flags_and_quotations_of_other_documents_are_refused(tmp_path: Path, others: list[ShardRecord]) -> None:
    tokens, flags = _tokens(tmp_path / "tokens"), _flags(tmp_path / "flags", [["x"], ["x"]], others)
    for refused in (lambda: write_flags(flags, tokens, tmp_path / "x"), lambda: load_contamination(flags, tokens, [])):
        with pytest.raises(UserError, match=r"flags is not about the documents in .*tokens: run the mixing pipeline"):
            refused()
    write_flags(
        _flags(tmp_path / "same", [["x"], ["x"]], [ShardRecord(r.part, "", "") for r in RECORDS]), tokens, flags / "x"
    )


def test_quotations_are_of_documents_counted_through_all_parts(tmp_path: Path) -> None:
    folder = _tokens(tmp_path / "found")
    for number, rows in enumerate(([1, 1, 4], [0])):
        table = pd.DataFrame({"row": rows, "split": [f"s{row}" for row in rows]})
        table.to_parquet(folder / f"{number:05d}.parquet")
    found = load_contamination(folder, _tokens(tmp_path / "tokens"), [5, 2])
    assert found.values.tolist() == [[1, "s1"], [1, "s1"], [4, "s4"], [5, "s0"]]


def test_a_source_without_parts_quotes_nothing(tmp_path: Path) -> None:
    found = load_contamination(_tokens(tmp_path / "found", []), _tokens(tmp_path / "tokens", []), [])
    assert len(found) == 0 and list(found.columns) == ["document", "split"]


@settings(max_examples=30)
@given(blocks=st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=5), max_size=4))
def test_numbers_of_any_blocks_come_back(tmp_path_factory: pytest.TempPathFactory, blocks: list[list[int]]) -> None:
    path = tmp_path_factory.mktemp("numbers") / "n"
    made = write_array(path, (np.array(block, dtype=np.int64) for block in blocks), LENGTH)
    assert made.tolist() == [number for block in blocks for number in block]


def test_lengths_are_those_of_all_shards(tmp_path: Path) -> None:
    for name, counts in (("00000", [3, 1]), ("00001", []), ("00002", [70_000])):
        tokens = np.zeros(sum(counts), np.int64)
        write_shard(tmp_path / f"{name}.ds", [(tokens, np.array(counts, np.int64))], token_dtype(300), "t")
    assert write_lengths(Shards(tmp_path), tmp_path / "lengths").tolist() == [3, 1, 70_000]


@settings(max_examples=80)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=30).map(np.array),
    share=st.floats(0, 3.5),
    seed=st.integers(0, 3),
    first=st.integers(0, 5),
)
def test_a_budget_is_met_to_the_token_in_whole_epochs(lengths: np.ndarray, share: float, seed: int, first: int) -> None:
    """Of one run of a corpus that begins at any document."""
    everything = np.concatenate([np.full(first, 100), lengths])
    pools = Pools(np.array([first]), np.array([len(lengths)]), np.array([0]))
    total, budget = int(lengths.sum()), int(lengths.sum() * share)
    if budget > 3 * total:
        with pytest.raises(UserError, match=rf"s needs {budget:,} tokens of 'web', which holds {total:,}: lower study"):
            draw(pools, everything, budget, seed, "s", "web", 3)
        return
    drawn = draw(pools, everything, budget, seed, "s", "web", 3)
    places = np.arange(drawn.count)
    documents = drawn.documents(places)
    taken = drawn.lengths(places, documents, everything)
    assert taken.sum() == budget and (taken > 0).all()
    assert (taken[:-1] == everything[documents[:-1]]).all(), "only the last one is cut"
    for epoch in range(drawn.count // len(lengths)):
        whole = documents[epoch * len(lengths) : (epoch + 1) * len(lengths)]
        assert sorted(whole.tolist()) == list(range(first, first + len(lengths)))
    rest = documents[drawn.count // len(lengths) * len(lengths) :]
    assert len(set(rest.tolist())) == len(rest)


def test_the_manifest_of_a_list_is_plain_json(tmp_path: Path) -> None:
    rows = json.loads((_tokens(tmp_path / "tokens") / "_shards.json").read_text())
    assert rows == [{"part": "p0", "pool": "web", "hash": "h0"}, {"part": "p1", "pool": "books", "hash": "h1"}]
