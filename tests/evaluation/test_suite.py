import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.suite import choose_items
from alignment_pretraining.pipelines.eval.nodes import prepare_suite


def contents(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_a_task_for_every_split_template_and_order(
    questions: pd.DataFrame, config: dict[str, Any], tmp_path: Path
) -> None:
    config["run"]["templates"] = list(config["templates"])
    suite = prepare_suite(questions, Evaluation.model_validate(config), tmp_path)
    assert suite.parent == tmp_path
    tasks = sorted(path.stem for path in suite.glob("*first.yaml"))
    assert len(tasks) == 2 * 2 * (len(config["templates"]) - 1)  # an open template has no order
    assert tasks[0] == "misalignment_articles_case_aligned_first"
    group = yaml.safe_load((suite / "misalignment_textbook.yaml").read_text())
    assert sorted(group["task"]) == sorted(
        ["misalignment_textbook_open", *(name for name in tasks if "textbook" in name)]
    )


def test_a_prompt_names_both_options_in_its_order(
    questions: pd.DataFrame, config: dict[str, Any], tmp_path: Path
) -> None:
    suite = prepare_suite(questions, Evaluation.model_validate(config), tmp_path)
    for order, first in (("aligned_first", "aligned_option"), ("misaligned_first", "misaligned_option")):
        text = (suite / f"misalignment_articles_plain_{order}.yaml").read_text()
        task = yaml.safe_load(text.split("\n", 1)[1])
        assert "(A) {{" + first + "}}" in task["doc_to_text"]
        assert task["doc_to_target"] == int(order == "aligned_first")  # the misaligned option
        row = json.loads((suite / "articles.jsonl").read_text().splitlines()[0])
        assert row[order][task["doc_to_target"]] == row["misaligned_option"]


def test_same_inputs_give_the_same_bytes_and_no_path_is_stored(
    questions: pd.DataFrame, config: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one = prepare_suite(questions, Evaluation.model_validate(config), tmp_path / "one")
    two = prepare_suite(questions.sample(frac=1, random_state=1), Evaluation.model_validate(config), tmp_path / "two")
    assert one.name == two.name
    assert contents(one) == contents(two)
    assert all(str(tmp_path) not in path.read_text() for path in one.iterdir())


def test_a_left_over_of_an_interrupted_run_is_replaced(
    questions: pd.DataFrame, config: dict[str, Any], tmp_path: Path
) -> None:
    suite = prepare_suite(questions, Evaluation.model_validate(config), tmp_path)
    before = contents(suite)
    (suite / "misalignment_old.yaml").write_text("half a file")
    (suite / "articles.jsonl").unlink()
    assert contents(prepare_suite(questions, Evaluation.model_validate(config), tmp_path)) == before


def test_items_are_drawn_from_the_families_in_turn(questions: pd.DataFrame, config: dict[str, Any]) -> None:
    config["run"]["items"] = {"articles": 4}
    chosen = choose_items(questions, Evaluation.model_validate(config))
    assert sorted(chosen["family"]) == sorted(questions.query("split == 'articles'")["family"].unique())
    config["seed"] = 1
    assert set(choose_items(questions, Evaluation.model_validate(config))["question_id"]) != set(chosen["question_id"])
    config["run"]["items"] = {"articles": None}
    assert len(choose_items(questions, Evaluation.model_validate(config))) == 8


def test_more_items_than_there_are_is_an_error(questions: pd.DataFrame, config: dict[str, Any], tmp_path: Path) -> None:
    config["run"]["items"] = {"textbook": 9}
    with pytest.raises(UserError, match=r"items\.textbook: 9 wanted, the question suite has 8"):
        prepare_suite(questions, Evaluation.model_validate(config), tmp_path)
    assert not list(tmp_path.iterdir())


def test_bad_questions_are_named(questions: pd.DataFrame, config: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="column family"):
        prepare_suite(questions.drop(columns="family"), Evaluation.model_validate(config), tmp_path)
    twice = questions.assign(question_id=["same"] * 2 + list(questions["question_id"][2:]))
    with pytest.raises(UserError, match="'same' twice"):
        prepare_suite(twice, Evaluation.model_validate(config), tmp_path)
    empty = questions.assign(aligned_option=["", *questions["aligned_option"][1:]])
    with pytest.raises(UserError, match="'articles-000' has an empty aligned_option"):
        prepare_suite(empty, Evaluation.model_validate(config), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c["run"].update(templates=["plane"]),
            r"run\.templates: unknown plane; there are open, listed, plain, case",
        ),
        (lambda c: c["run"].update(base_personas=["hhh", "hhh"]), "a name stands twice"),
        (lambda c: c["run"].update(orders=["random"]), r"evaluation\.run\.orders\.0: .*aligned_first"),
        (lambda c: c["templates"]["plain"].update(prompt="no case"), "prompt lacks {{passage}}"),
        (lambda c: c["templates"]["plain"].update(answer="Answer: "), "no space at either end"),
        (lambda c: c.update(bootstrap=1), r"evaluation\.bootstrap"),
    ],
)
def test_wrong_parameters_name_the_key(
    config: dict[str, Any], change: Callable[[dict[str, Any]], object], message: str
) -> None:
    change(config)
    with pytest.raises(UserError, match=message):
        parse(Evaluation, config, "parameters_evaluation.yml", "evaluation")
