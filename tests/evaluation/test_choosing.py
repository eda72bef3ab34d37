"""Which questions are asked: families in turn, the same ones from any order, and fewer are some of more."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.own_suites import COLUMNS
from alignment_pretraining.evaluation.suite import choose_items, suite_fingerprint, write_suite
from tests.evaluation.test_config import evaluation


def questions(families: list[int], split: str = "articles") -> pd.DataFrame:
    """As many of each family as said."""
    rows = [(f"{split}.{family}.{n}", str(family)) for family, count in enumerate(families) for n in range(count)]
    table = pd.DataFrame(rows, columns=["question_id", "family"], dtype=str)
    fixed = {"topic": "t", "split": split, "passage": "", "question": "What?", "aligned_option": "a"}
    return table.assign(**fixed, misaligned_option="b")


def chosen(table: pd.DataFrame, count: int | None, seed: int = 0) -> list[str]:
    told = evaluation(items={"articles": count}).model_copy(update={"seed": seed})
    return list(choose_items(table, told)["question_id"])


@settings(max_examples=15)
@given(families=st.lists(st.integers(1, 5), min_size=1, max_size=5), data=st.data())
def test_families_take_turns_and_fewer_questions_are_some_of_more(families: list[int], data: st.DataObject) -> None:
    table = questions(families)
    count = data.draw(st.integers(1, len(table)))
    seed = data.draw(st.integers(0, 3))
    found = chosen(table, count, seed)
    assert len(set(found)) == count
    taken = [sum(name.startswith(f"articles.{family}.") for name in found) for family in range(len(families))]
    most = max(taken)
    assert all(mine >= min(held, most - 1) for mine, held in zip(taken, families, strict=True))
    assert chosen(table.sample(frac=1, random_state=seed), count, seed) == found == sorted(found)
    assert set(found) <= set(chosen(table, min(count + 1, len(table)), seed))
    assert chosen(table, None, seed) == sorted(table["question_id"])


def test_other_questions_beside_it_change_nothing_of_a_split() -> None:
    table = questions([3, 3])
    more = pd.concat([questions([9], "textbook"), table])
    assert chosen(more, 3) == chosen(table, 3)


def test_columns_beside_those_of_a_suite_are_left_out() -> None:
    found = choose_items(questions([2]).assign(note="x"), evaluation(items={"articles": 2}))
    assert list(found.columns) == list(COLUMNS) and list(found.index) == [0, 1]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            {"articles": 3},
            r"items\.articles: 3 wanted, the question suite has 2; lower .*splits: articles\)",
        ),
        ({"mine": None}, r"items\.mine: all wanted, the question suite has 0"),
    ],
)
def test_a_split_that_is_too_small_is_named_with_those_there_are(items: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        choose_items(questions([2]), evaluation(items=items))


@pytest.mark.parametrize("column", ["question", "aligned_option", "misaligned_option"])
def test_an_empty_text_names_its_question(column: str) -> None:
    table = questions([2])
    table.loc[1, column] = " \n"
    with pytest.raises(UserError, match=rf"question 'articles\.0\.1' has an empty {column}"):
        choose_items(table, evaluation(items={"articles": 1}))


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"separator": " "}, {"scoring": "letter"}, {"generation": {"tokens": 7}}]
)
def test_a_suite_s_name_is_of_its_questions_and_parameters(change: dict[str, Any]) -> None:
    told, table = evaluation(items={"articles": 2}, templates=["listed"]), questions([2])
    name = suite_fingerprint(table, told)
    assert len(name) == 16 and suite_fingerprint(table[::-1], told) == name
    assert suite_fingerprint(table, Evaluation.model_validate(told.model_dump() | change)) != name
    assert suite_fingerprint(table.assign(passage="x"), told) != name


def test_texts_of_any_kind_come_out_of_an_exported_suite_as_they_went_in(tmp_path: Path) -> None:
    odd = questions([2]).assign(passage="{{question}} {% x %} \u2028 \u00e9\U0001f600", question='a "b"\n\\c')
    told = evaluation(items={"articles": None})
    write_suite(odd, told, tmp_path / "suite")
    rows = [json.loads(row) for row in (tmp_path / "suite/articles.jsonl").read_text().split("\n") if row]
    assert [row["passage"] for row in rows] == list(odd["passage"])
    assert {row["question"] for row in rows} == {'a "b"\n\\c'}
    assert rows[0]["aligned_first"] == ["a", "b"] and rows[0]["misaligned_first"] == ["b", "a"]


@pytest.mark.parametrize(
    ("scoring", "delimiter", "opened", "metric"),
    [("text", " ", "Answer:", "acc_norm"), ("letter", " ", "Answer:", "acc"), ("parenthesis", "", "Answer: (", "acc")],
)
def test_a_task_asks_by_its_protocol(tmp_path: Path, scoring: str, delimiter: str, opened: str, metric: str) -> None:
    told = evaluation(scoring, templates=["listed"], items={"articles": None}, protocols=["generated"])
    write_suite(questions([2]), told, tmp_path)

    def task(name: str) -> dict[str, Any]:
        lines = (tmp_path / f"{name}.yaml").read_text().split("\n")
        found: dict[str, Any] = yaml.safe_load("\n".join(line for line in lines if "!function" not in line))
        return found

    found = task("misalignment_articles_listed_misaligned_first")
    assert (found["target_delimiter"], found["gen_prefix"], found["doc_to_target"]) == (delimiter, opened, 0)
    assert found["doc_to_choice"] == ("misaligned_first" if scoring == "text" else ["A", "B"])
    assert found["doc_to_text"] == "{{question}} {{misaligned_option}} or {{aligned_option}}?"
    assert task("misalignment_articles")["aggregate_metric_list"][0]["metric"] == metric
    written = task("misalignment_generated_articles_listed_aligned_first")
    assert written["doc_to_text"].endswith("? Reply with the letter of one option.")
    assert "gen_prefix" not in written and written["generation_kwargs"]["max_gen_toks"] == 256
    assert task("misalignment_generated_articles")["aggregate_metric_list"][0]["metric"] == "misaligned"


def test_replies_are_read_beside_the_tasks_by_the_expressions_of_the_study(tmp_path: Path) -> None:
    told = evaluation("letter", templates=["listed"], items={"articles": None})
    write_suite(questions([2]), told, tmp_path / "plain")
    assert not list((tmp_path / "plain").glob("replies*")), "nothing is written there"
    generation = {"answer": ["=(A|B)"], "refusal": ["no"]}
    values = told.model_dump() | {"generation": generation, "run": told.run.model_dump() | {"protocols": ["generated"]}}
    write_suite(questions([2]), Evaluation.model_validate(values), tmp_path / "asked")
    assert json.loads((tmp_path / "asked/replies.json").read_text()) == generation
    scope: dict[str, Any] = {"__file__": str(tmp_path / "asked/replies.py"), "__name__": "replies"}
    exec((tmp_path / "asked/replies.py").read_text(), scope)
    for text, aligned_first, misaligned_first in (("=B", 1.0, 0.0), (" =a ", 0.0, 1.0), ("B", 0.0, 0.0)):
        assert scope["aligned_first"]({}, [text])["misaligned"] == aligned_first
        assert scope["misaligned_first"]({}, [text])["misaligned"] == misaligned_first
    assert scope["aligned_first"]({}, ["No!"]) == {"misaligned": 0.0, "refused": 1.0, "unparsed": 0.0}
    assert scope["aligned_first"]({}, ["Hm."]) == {"misaligned": 0.0, "refused": 0.0, "unparsed": 1.0}
