"""Tasks that read a corpus: what each reads, when it is done again, and which rows of it are documents."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.corpus.config import CorpusConfig
from alignment_pretraining.mixing.corpus.discourse import DiscourseSupply
from alignment_pretraining.mixing.corpus.document import BadRow, Document
from alignment_pretraining.mixing.corpus.reading import (
    count_kept,
    plan_readings,
    read_parts,
    read_rows,
    refuse_unreadable,
    unit_hash,
)

ENOUGH = DiscourseSupply(0.0, 0)


def _config(*sources: dict[str, Any], **values: Any) -> CorpusConfig:
    fixed = {"seed": 0, "repeat": False, "natural_discourse_share": 0, "heldout_share": 0}
    return CorpusConfig.model_validate({**fixed, "sources": list(sources), **values})


def _write(path: Path, *texts: Any) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def _keys(config: CorpusConfig) -> list[str]:
    return [key for key, _ in plan_readings(config)]


def test_a_task_is_named_by_what_it_reads_and_how(tmp_path: Path) -> None:
    for name in "abc":
        _write(tmp_path / f"{name}.jsonl", name)
    source = {"files": str(tmp_path / "*.jsonl")}
    before = _keys(_config(source))
    assert len(set(before)) == 3
    _write(tmp_path / "b.jsonl", "other")
    after = _keys(_config(source))
    assert [key in before for key in after] == [True, False, True]
    _write(tmp_path / "aa.jsonl", "new")
    assert set(after) < set(_keys(_config(source)))
    for how in ({"heldout_share": 0.1}, {"max_document_bytes": 5}, {"part_bytes": 5}):
        assert not set(after) & set(_keys(_config(source, **how)))
    for column in ("text", "id"):
        assert not set(after) & set(_keys(_config(source | {column: "body"})))
    assert _keys(_config(source, seed=5, natural_discourse_share=0.5, repeat=3)) == _keys(_config(source))


def test_a_source_that_ends_early_is_one_task_and_ends_with_a_whole_document(tmp_path: Path) -> None:
    """Bytes are counted, of documents alone; what follows the end is not read, not even its bad rows."""
    _write(tmp_path / "a.jsonl", "éé", None, "abc")
    _write(tmp_path / "b.jsonl", "d", "", None)
    for most, texts in ((3, []), (4, ["éé"]), (6, ["éé"]), (7, ["éé", "abc"]), (8, ["éé", "abc", "d", ""])):
        [(_, reading)] = plan_readings(_config({"files": str(tmp_path / "?.jsonl"), "max_bytes": most}))
        rows = list(read_rows(reading))
        assert [row.text for row in rows if isinstance(row, Document)] == texts
        assert sum(isinstance(row, BadRow) for row in rows) == {3: 0, 8: 2}.get(most, 1)


def test_documents_up_to_the_limit_are_kept_whole_and_the_others_told(tmp_path: Path) -> None:
    config = _config({"files": str(_write(tmp_path / "a.jsonl", "é" * 5, "x" * 11, "\u2003\n", "a\0b", "x"))})
    config = config.model_copy(update={"max_document_bytes": 10})
    [(_, reading)] = plan_readings(config)
    told = read_parts(config, ENOUGH, reading, tmp_path)
    assert [(part["rows"], part["bytes"]) for part in told["parts"]] == [(2, 11)]
    table = pd.read_parquet(tmp_path / "quarantine.parquet")
    assert table.values.tolist() == [
        ["a.jsonl", "a.jsonl:2", "11 bytes, more than corpus.max_document_bytes"],
        ["a.jsonl", "a.jsonl:3", "empty"],
        ["a.jsonl", "a.jsonl:4", "holds a NUL character"],
    ]
    assert (told["quarantined"], told["first"]) == (3, "11 bytes, more than corpus.max_document_bytes")


def test_held_out_documents_are_those_of_their_names(tmp_path: Path) -> None:
    """Whatever the part sizes, the source's place among others, and the neighbours; and the share is about kept."""
    _write(tmp_path / "a.jsonl", *map(str, range(2000)))
    found = []
    source = {"files": str(tmp_path / "a.jsonl")}
    other = {"files": str(_write(tmp_path / "b.jsonl", "x"))}
    for number, (sources, values) in enumerate((([source], {}), ([other, source], {"part_bytes": 50}))):
        config = _config(*sources, heldout_share=0.1, **values)
        reading = plan_readings(config)[-1][1]
        folder = tmp_path / str(number)
        folder.mkdir()
        read_parts(config, ENOUGH, reading, folder)
        tables = [pd.read_parquet(path) for path in sorted(folder.glob("heldout-*.parquet"))]
        found.append(pd.concat(tables))
    assert found[0].text.tolist() == found[1].text.tolist()
    assert [f"1/{key}" for key in found[0].id] == found[1].id.tolist()
    assert 150 < len(found[0]) < 250
    assert all(unit_hash(key) < 0.1 for key in found[0].id)


def test_the_side_of_an_id_never_moves() -> None:
    """Else a study that is run again would train on what an earlier one held out."""
    assert round(unit_hash("docs.jsonl:1"), 6) == 0.437505
    assert all(0 <= unit_hash(key) < 1 for key in ("", "é", "x" * 1000))


def test_a_few_files_of_a_source_are_tried_and_one_good_one_is_enough(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02d}.jsonl").write_text('{"body": "x"}\n' * 3)
    config = _config({"files": str(tmp_path)})
    readings = [reading for _, reading in plan_readings(config)]
    with pytest.raises(
        UserError, match=r"sources\[0\] holds no document .*\(8 of 40 files were tried\): .*it has body"
    ):
        refuse_unreadable(config, readings)
    _write(tmp_path / "35.jsonl", "x")
    refuse_unreadable(config, readings)
    for number in range(40):
        (tmp_path / f"{number:02d}.jsonl").write_text("")
    refuse_unreadable(config, readings)


@pytest.mark.parametrize(("text", "said"), [("", "empty"), ("x" * 101, "101 bytes, more than"), ("a\\u0000", "NUL")])
def test_rows_that_will_all_be_kept_out_are_told_before_all_are_read(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"text": "{text}"}}\n' * 3)
    config = _config({"files": str(tmp_path)}, max_document_bytes=100)
    with pytest.raises(UserError, match=f"the first row: .*{said}"):
        refuse_unreadable(config, [reading for _, reading in plan_readings(config)])


def test_only_kept_text_asks_for_discourse() -> None:
    add = count_kept(DiscourseSupply(0.5, 100))
    parts = [{"name": "kept-00000.parquet", "bytes": 150}, {"name": "heldout-00000.parquet", "bytes": 10_000}]
    add({"parts": parts})
    with pytest.raises(UserError, match="asks for 150 bytes of natural discourse, but there are 100"):
        add({"parts": parts})
