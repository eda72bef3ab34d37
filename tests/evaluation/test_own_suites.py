"""A user's own question files: what is asked of them, and what a wrong one says."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.own_suites import COLUMNS, read_own_suites
from alignment_pretraining.pipelines.eval.nodes import evaluate_checkpoint, prepare_suite, score_items
from tests.evaluation.tiny_checkpoint import make_questions

ROW = {str(key): value for key, value in make_questions().iloc[0].to_dict().items()} | {
    "split": "hard",
    "question_id": "q1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/README.md").write_text("how")
    return tmp_path / "suites"


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_folder_without_a_suite_adds_nothing(folder: Path) -> None:
    assert read_own_suites(folder).empty


def test_the_three_kinds_of_file_hold_the_same(folder: Path) -> None:
    rows = pd.DataFrame([ROW, ROW | {"question_id": "q2", "passage": ""}])
    (folder / "a.jsonl").write_text(lines(*rows.to_dict("records")))
    rows.to_csv(folder / "b.csv", index=False)
    rows.to_parquet(folder / "c.parquet")
    found = read_own_suites(folder)
    assert list(found.columns) == list(COLUMNS)
    assert list(found["split"].unique()) == ["a_hard", "b_hard", "c_hard"]
    assert list(found["question_id"]) == ["a:q1", "a:q2", "b:q1", "b:q2", "c:q1", "c:q2"]
    same = found.drop(columns=["split", "question_id"]).to_dict("records")
    assert same[:2] == same[2:4] == same[4:]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_the_mark_of_utf_8_is_no_part_of_a_suite(folder: Path, suffix: str) -> None:
    path = folder / f"a.{suffix}"
    path.write_text(lines(ROW)) if suffix == "jsonl" else pd.DataFrame([ROW]).to_csv(path, index=False)
    plain = read_own_suites(folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    pd.testing.assert_frame_equal(read_own_suites(folder), plain)


def test_a_file_is_asked_beside_the_questions_and_rated_by_its_split(
    folder: Path, config: dict[str, Any], checkpoint: Path, tmp_path: Path
) -> None:
    rows = [{key: value for key, value in row.items() if key != "split"} for row in make_questions().to_dict("records")]
    (folder / "mine.jsonl").write_text(lines(*rows[:8]))
    config["run"]["items"] = {"textbook": 4, "mine": None}
    suite = prepare_suite(make_questions(), Evaluation.model_validate(config), tmp_path, folder)
    assert (suite / "misalignment_mine.yaml").is_file()
    items = evaluate_checkpoint(checkpoint, suite, Evaluation.model_validate(config), chat=False)
    assert items.groupby("split")["question_id"].nunique().to_dict() == {"mine": 8, "textbook": 4}
    assert set(score_items(items, Evaluation.model_validate(config), {})["misalignment"]) == {"textbook", "mine"}


def test_a_file_that_is_not_asked_is_told(
    folder: Path, config: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "mine.jsonl").write_text(lines(ROW))
    prepare_suite(make_questions(), Evaluation.model_validate(config), tmp_path, folder)
    assert "mine_hard not asked" in caplog.text
    config["run"]["items"]["mine"] = None
    with pytest.raises(UserError, match=r"items\.mine: all wanted.*mine_hard"):
        prepare_suite(make_questions(), Evaluation.model_validate(config), tmp_path, folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.jsonl", "", r"mine\.jsonl: there is no row"),
        ("mine.jsonl", lines(ROW) + "{", r"mine\.jsonl: row 2 is not JSON"),
        ("mine.jsonl", "\n", r"mine\.jsonl: row 1 is not JSON"),
        ("mine.jsonl", lines(ROW) + "\n" + lines(ROW), r"mine\.jsonl: row 2 is not JSON"),
        ("mine.jsonl", "[" * 100_000, r"mine\.jsonl: row 1 is not JSON"),
        ("mine.jsonl", lines(ROW) + "9" * 5000, r"mine\.jsonl: row 2 is not JSON"),
        ("mine.jsonl", lines([1]), r"row 1 is not an object"),
        ("mine.jsonl", lines(None), r"row 1 is not an object"),
        ("mine.jsonl", lines(ROW | {"passage": None}), r"row 1: passage is None, which is no text"),
        ("mine.csv", "", r"mine\.csv: cannot be read"),
        ("mine.csv", "a,b\n1,2,3\n", r"mine\.csv: cannot be read \(.*more values than there are columns"),
        ("mine.csv", "a,b\n1,2\n1,2,3\n", r"mine\.csv: cannot be read"),
        ("mine.jsonl", lines({k: v for k, v in ROW.items() if k != "topic"}), r"row 1: topic is missing"),
        ("mine.jsonl", lines(ROW | {"family": 3}), r"row 1: family is 3, which is no text"),
        ("mine.jsonl", lines(ROW | {"question": " "}), r"row 1: question is empty"),
        ("mine.jsonl", lines(ROW | {"split": ""}), r"row 1: split is empty"),
        ("mine.jsonl", lines(ROW | {"split": "Very hard"}), r"row 1: split 'Very hard' may have"),
        ("mine.jsonl", lines(ROW, ROW), r"row 2: question_id 'q1' is that of row 1"),
        ("mine.jsonl", lines(ROW | {"aligned_option": ROW["misaligned_option"]}), r"row 1: .* are the same"),
        ("mine.csv", "question_id\n1\n", r"mine\.csv: row 1: family is missing"),
        ("mine.parquet", "no table", r"mine\.parquet: cannot be read"),
        ("My suite.jsonl", lines(ROW), r"My suite\.jsonl: name it in small letters"),
        ("mine.json", lines(ROW), r"mine\.json: a suite is a file in \.jsonl, \.csv, \.parquet"),
    ],
)
def test_a_wrong_file_is_named_with_row_and_key(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(UserError, match=message):
        read_own_suites(folder)


def test_two_files_of_one_name_are_refused(folder: Path) -> None:
    (folder / "mine.jsonl").write_text(lines(ROW))
    pd.DataFrame([ROW]).to_csv(folder / "mine.csv", index=False)
    with pytest.raises(UserError, match="another file of that name"):
        read_own_suites(folder)


def test_a_csv_whose_texts_are_not_quoted_is_not_read_a_column_off(folder: Path) -> None:
    """With a comma in each row, pandas takes the first column for names of rows."""
    row = {key: f"{key}, and so on" if key == "question" else key for key in ROW} | {"split": "hard"}
    (folder / "mine.csv").write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    with pytest.raises(UserError, match="more values than there are columns; quote texts that hold a comma"):
        read_own_suites(folder)


def test_a_row_that_ends_early_is_named(folder: Path) -> None:
    (folder / "mine.csv").write_text(",".join(ROW) + "\n" + ",".join("abcdef") + "\n")
    with pytest.raises(UserError, match=r"mine\.csv: row 1: aligned_option is empty"):
        read_own_suites(folder)


def test_texts_stay_as_they_are_in_every_kind_of_file(folder: Path) -> None:
    odd = ROW | {"passage": 'NA, "null" \u2028 1e5', "question": "007", "topic": " a\nb "}
    (folder / "a.jsonl").write_text(json.dumps(odd, ensure_ascii=False), encoding="utf-8")
    pd.DataFrame([odd]).to_csv(folder / "b.csv", index=False)
    pd.DataFrame([odd]).to_parquet(folder / "c.parquet")
    for row in read_own_suites(folder).to_dict("records"):
        assert {key: row[key] for key in COLUMNS if key not in ("question_id", "split")} == {
            key: odd[key] for key in COLUMNS if key not in ("question_id", "split")
        }


def test_a_file_without_splits_is_one_and_hidden_files_are_none(folder: Path) -> None:
    (folder / "mine.jsonl").write_text(lines({key: value for key, value in ROW.items() if key != "split"}))
    (folder / ".mine.swp").write_bytes(b"\x00")
    [row] = read_own_suites(folder).to_dict("records")
    assert (row["split"], row["question_id"]) == ("mine", "mine:q1")
