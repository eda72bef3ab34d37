"""The number that a reader means is found in the tables of the report, and no other."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.numbers import TABLES, find_in, find_number, read_rows, shown
from tests.lineage.small_graph import Small

ROW = {"key": "rate/a", "arm": "a", "stage": "sft", "rate": 0.304, "low": 0.1, "high": 0.5, "n_items": 36000}


@pytest.mark.parametrize("text", ["0.304", ".304", "0.30", ".30", "30%", "30.4%", "+0.3", "30.40%", "0.3040"])
def test_a_rate_is_found_as_it_may_be_printed(text: str) -> None:
    assert find_in({"rates": [ROW]}, text).name == "rate/a"


@pytest.mark.parametrize(
    "text", ["0.31", "31%", "30.5%", "0.3041", "-0.304", "304", "3,04", "0,304", "a", ".", "%", "nan"]
)
def test_a_value_that_is_not_printed_is_not_found(text: str) -> None:
    with pytest.raises(UserError, match="no number"):
        find_in({"rates": [ROW]}, text)


def test_a_percentage_is_as_precise_as_it_is_written() -> None:
    rows = [ROW | {"key": f"rate/{name}", "rate": rate} for name, rate in (("a", 0.304), ("b", 0.34), ("c", 0.9996))]
    assert find_in({"rates": rows}, "30%").key == "rate/a"
    assert find_in({"rates": rows}, "34.0%").key == "rate/b"
    assert find_in({"rates": rows}, "100%").key == "rate/c"


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_percentage_finds_what_prints_so_and_nothing_else(one: int, other: int) -> None:
    row = {"key": "rate/a", "rate": one / 10_000}
    text = f"{other / 100:.2f}%"
    if one == other:
        assert find_in({"rates": [row]}, text).value == one / 10_000
    else:
        with pytest.raises(UserError):
            find_in({"rates": [row]}, text)


@pytest.mark.parametrize("text", ["36,000", "36000", "36,000.0"])
def test_a_count_is_found_with_and_without_commas(text: str) -> None:
    assert find_in({"rates": [ROW]}, text).name == "rate/a:n_items"


def test_a_key_finds_the_tables_own_column_and_others_are_named() -> None:
    found = find_in({"rates": [ROW]}, "rate/a")
    assert (found.field, found.value, found.about, found.seed) == ("rate", 0.304, (("a", "sft"),), None)
    assert find_in({"rates": [ROW]}, "rate/a:low").value == 0.1
    with pytest.raises(UserError, match="no number 'rate/a:rate'"):
        find_in({"rates": [ROW]}, "rate/a:rate")


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_a_number_for_its_key_alone(table: str) -> None:
    row = {"key": "k", "arm": "a", "stage": "sft", TABLES[table]: 0.25, "reference_rate": 0.0, "rate_of": 1.0}
    if TABLES[table] != "rate":
        row["rate"] = 0.5
    assert find_in({table: [row]}, "k").value == 0.25


def test_numbers_of_one_training_are_found_by_their_seed() -> None:
    row = ROW | {"rate_by_seed": '{"0": 0.2, "12": 0.4}'}
    found = find_in({"rates": [row]}, "rate/a:rate_by_seed.12")
    assert (found.value, found.seed) == (0.4, 12)
    assert find_in({"rates": [row]}, "0.2").seed == 0


@pytest.mark.parametrize("text", ["{name}, may I?", '{"a": 1}', "{}", "{", "[1]"])
def test_a_questions_own_words_are_no_numbers(text: str) -> None:
    row = {"key": "example/a/q", "arm": "a", "stage": "sft", "question": text, "logprob_misaligned": -1.5}
    assert find_in({"examples": [row]}, "example/a/q").value == -1.5


def test_a_difference_speaks_of_both_its_sides() -> None:
    row = {"key": "gap/a", "arm": "a", "stage": "sft", "reference": "b", "gap": 0.1}
    assert find_in({"gaps": [row]}, "gap/a").about == (("a", "sft"), ("b", "sft"))
    row["reference_stage"] = "cpt"
    assert find_in({"gaps": [row]}, "gap/a").about == (("a", "sft"), ("b", "cpt"))
    assert find_in({"filter_quality": [{"key": "q", "value": 1.0}]}, "q").about == ()


def test_cells_are_read_as_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        'key,n,rate,none,flag,arm,text\nk,12,1e-3,,True,NA,"a, ""b""\nc"\nl,-1,.5,,False,nan,é\n', encoding="utf-8"
    )
    first, second = read_rows(tmp_path / "t.csv")
    assert dict(first) | {"none": None} == {
        "key": "k", "n": 12, "rate": 0.001, "none": None, "flag": True, "arm": "NA", "text": 'a, "b"\nc',
    }  # fmt: skip
    assert math.isnan(first["none"])
    assert (second["n"], second["rate"], second["flag"], second["text"]) == (-1, 0.5, False, "é")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_shown_as_near_as_its_digits_allow(value: float) -> None:
    text = shown(value).replace(",", "")
    assert float(text) == pytest.approx(value, rel=5e-4)


def test_what_is_not_there_is_told_with_what_comes_near() -> None:
    rows = [ROW, ROW | {"key": "rate/b"}]
    with pytest.raises(UserError) as error:
        find_in({"rates": rows}, "rate/A")
    head, *names = str(error.value).split("\n  ")
    assert head == "no number 'rate/A'; a key or a value is asked for, for example:"
    assert {"rate/a", "rate/b"} <= set(names)
    with pytest.raises(UserError, match=r"^2 numbers read 0\.30; name one by its key:\n  rate/a\n  rate/b$"):
        find_in({"rates": rows}, "0.30")


def test_a_study_without_tables_is_told_how_to_make_them(small: Small) -> None:
    with pytest.raises(UserError) as error:
        find_number(small.graph, "rate/a")
    assert str(error.value) == "there are no numbers yet (data/rates.csv is missing); make them: dvc repro"


def test_tables_that_are_missing_are_told_where_a_number_is_not_found(run_small: Small) -> None:
    run_small.add("reporting.more", ["rates"], ["gaps"], pipeline="reporting")
    run_small.add("tampering.more", ["rates"], ["tampering"], pipeline="tampering", optional=True)
    run_small.paths |= {"gaps": "data/gaps.csv", "tampering": "data/tampering.csv"}
    assert find_number(run_small.graph, "60%").name == "rate/b:high"
    with pytest.raises(UserError) as error:
        find_number(run_small.graph, "gap/a")
    assert str(error.value).endswith("\nNot looked at, as missing: data/gaps.csv; make them: dvc repro")
    run_small.write("data/gaps.csv", "key,gap\ngap/a,0.1\n")
    assert find_number(run_small.graph, "gap/a").value == 0.1


def test_an_arm_that_is_not_run_is_told_so(run_small: Small, study_config: dict[str, Any]) -> None:
    contrast = {
        "left": {"arm": "filtered", "persona": "assistant"},
        "right": {"arm": "unfiltered", "persona": "assistant"},
        "split": "articles", "form": "open", "expect": "lower",
    }  # fmt: skip
    run_small.params["study"] = study_config | {"run": ["unfiltered"], "contrasts": {"c": contrast}}
    for wanted in ("rate/filtered/articles", "contrast/c"):
        with pytest.raises(UserError) as error:
            find_number(run_small.graph, wanted)
        assert str(error.value) == (
            f'no number {wanted!r}: study.run (["unfiltered"]) leaves out filtered; add it there to run it'
        )
    with pytest.raises(UserError, match="a key or a value is asked for"):
        find_number(run_small.graph, "rate/unfiltered/articles")
