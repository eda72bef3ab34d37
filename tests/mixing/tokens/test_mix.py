"""What writing a mix reads, keeps and does again, on token shards whose tokens say where they are from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.shards import IdWriter, Shards, token_dtype, write_shard
from alignment_pretraining.core.token_stream import TokenStream, read_documents
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.mixing.config import Streams
from alignment_pretraining.mixing.filtering import contamination, flags
from alignment_pretraining.mixing.tokens.inspect import find_documents
from alignment_pretraining.mixing.tokens.mix import Inputs, write_mix
from alignment_pretraining.mixing.tokens.mixture import Recipe
from alignment_pretraining.mixing.tokens.sources import ShardRecord, write_shard_records

RECIPE = Recipe("midtraining", 1, 1000, filtered=True, mcqa_share=0.05, synthetic_share=0.1, repeat=False)
# Documents of each part of each source; every document ends in the token 0.
PARTS = {"corpus": [60, 0, 90], "ai": [40], "twin": [40], "mcqa": [30]}


def _source(root: Path, name: str, first: int) -> None:
    folder = root / "tokens" / name
    folder.mkdir(parents=True)
    records = []
    for number, count in enumerate(PARTS[name]):
        path = folder / f"{number:05d}.ds"
        lengths = 8 + np.arange(count) % 5
        texts = [[*[first + number] * (length - 1), 0] for length in lengths]
        tokens = np.array([token for text in texts for token in text], dtype=np.int64)
        write_shard(path, [(tokens, lengths)] if count else [], token_dtype(400), "t@1")
        ids = IdWriter(path)
        ids.add([f"{name}-{number}-{row}" for row in range(count)])
        ids.close()
        records.append(ShardRecord(f"{name}-{number}", "books" if number else "web", f"h-{name}-{number}"))
    write_shard_records(folder, records)
    found = root / "contamination" / name
    found.mkdir(parents=True)
    for number in range(len(records)):
        pq.write_table(contamination.SCHEMA.empty_table(), found / f"{number:05d}.parquet")
    write_shard_records(found, records)
    if name == "corpus":
        (root / "flags").mkdir()
        for number, count in enumerate(PARTS[name]):
            bad = [row % 10 == 0 for row in range(count)]
            names = ["labs" if one else "" for one in bad]
            columns = [[str(row) for row in range(count)], bad, names, names]
            arrays = [pa.array(values, field.type) for values, field in zip(columns, flags.SCHEMA, strict=True)]
            pq.write_table(pa.table(arrays, schema=flags.SCHEMA), root / f"flags/{number:05d}.parquet")
        write_shard_records(root / "flags", records)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    for number, name in enumerate(PARTS):
        _source(tmp_path, name, 100 * (number or 1) + 10 * (number > 0))
    return Inputs(tmp_path / "tokens", tmp_path / "flags", tmp_path / "contamination", ("ai",), ("twin",))


def _mix(inputs: Inputs, streams: Streams = "written", shard_tokens: int = 400, **values: Any) -> tuple[Path, Any]:
    root = inputs.tokens.parent
    folder = root / f"mix-{len(list(root.iterdir()))}"
    folder.mkdir()
    recipe = replace(RECIPE, **values)
    run = Execution(launcher="in_process")
    return folder, write_mix(inputs, recipe, "arm", folder, root / "scratch", run, streams, shard_tokens)


@pytest.mark.parametrize("streams", ["written", "planned"])
def test_no_task_loads_the_index_of_a_source(inputs: Inputs, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan alone reads lengths, one shard after the other; a segment reads what it shows."""
    monkeypatch.setattr(Shards, "shards", property(lambda self: pytest.fail("an index was loaded")))
    monkeypatch.setattr(Shards, "lengths", property(lambda self: pytest.fail("an index was loaded")))
    folder, manifest = _mix(inputs, streams)
    assert len(manifest["shards"]) == 3
    assert len(TokenStream.open(folder).read(0, 1000)) == 1000


def test_a_mix_that_was_made_is_not_made_again_and_a_changed_input_is(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest = _mix(inputs)
    with monkeypatch.context() as patch:
        patch.setattr("alignment_pretraining.execution.tasks.perform", None)
        again, same = _mix(inputs)
        assert same == manifest
        for path in folder.iterdir():
            assert (again / path.name).samefile(path), "one file with several names"
        for changed in ({"seed": 2}, {"mcqa_share": 0.04}, {"filtered": False}):
            with pytest.raises(TypeError):
                _mix(inputs, **changed)
    for source, number in (("corpus", 2), ("twin", 0)):
        records = [
            ShardRecord(f"{source}-{n}", "web", f"h-{source}-{n}" + "!" * (n == number))
            for n in range(len(PARTS[source]))
        ]
        _mix(inputs)
        write_shard_records(inputs.tokens / source, records)
        with monkeypatch.context() as patch:
            patch.setattr("alignment_pretraining.execution.tasks.perform", None)
            with pytest.raises(TypeError):
                _mix(inputs)


def test_what_was_planned_leaves_nothing_in_the_scratch_space(inputs: Inputs) -> None:
    _mix(inputs)
    assert not list((inputs.tokens.parent / "scratch/plans").iterdir())


def test_every_token_is_from_the_source_that_the_documents_name(inputs: Inputs) -> None:
    folder, manifest = _mix(inputs)
    stream = TokenStream.open(folder).read(0, 1000)
    firsts = {"corpus": {100, 102}, "replacement": {100, 102}, "ai": {110}, "mcqa": {310}}
    for row in pd.concat(read_documents(folder)).to_dict("records"):
        assert set(stream[row["start"] : row["end"]].tolist()) <= firsts[row["source"]] | {0}
        assert stream[row["end"] - 1] == 0 or row["end"] == 1000 or stream[row["end"]] in (110, 310)
    assert manifest["flagged"]["by_category"] == {"labs": manifest["flagged"]["documents"]}
    assert manifest["tokenizer"] == "t@1" and manifest["contaminated"] == {}


def test_a_cut_document_ends_in_the_end_of_text_all_the_same(inputs: Inputs) -> None:
    """So that nothing is read as the rest of what stands before it: those that a budget or a replacement cuts."""
    folder, _ = _mix(inputs, mcqa_share=0.0, synthetic_share=0.0, tokens=997)
    table = pd.concat(read_documents(folder))
    stream = TokenStream.open(folder).read(0, 997)
    assert (stream[table.end.to_numpy() - 1] == 0).all()


def test_pools_are_those_of_the_parts(inputs: Inputs) -> None:
    folder, manifest = _mix(inputs, pools=(("books", 3.0), ("web", 1.0)), filtered=False)
    table = pd.concat(read_documents(folder))
    assert manifest["share"]["base: books"] == {"target": 0.75, "reached": 0.75}
    assert set(table[table.source == "corpus"].id.str[:9]) == {"corpus-0-", "corpus-2-"}
    with pytest.raises(UserError, match=r"midtraining\.pools names news, .* have the pools books, web"):
        _mix(inputs, pools=(("news", 1.0), ("web", 1.0)))


def test_a_document_is_found_wherever_a_part_of_it_stands(inputs: Inputs) -> None:
    folder, _ = _mix(inputs)
    table = pd.concat(read_documents(folder), ignore_index=True)
    some = table.id.iloc[[0, 5, -1]].tolist()
    pd.testing.assert_frame_equal(
        find_documents(folder, some).reset_index(drop=True), table[table.id.isin(some)].reset_index(drop=True)
    )
    assert len(find_documents(folder, ["no such"])) == len(find_documents(folder, [])) == 0


def test_a_truncated_source_is_told_before_anything_is_written(inputs: Inputs) -> None:
    path = inputs.tokens / "mcqa/00000.ds"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(UserError, match=r"mcqa/00000\.ds: truncated"):
        _mix(inputs)
