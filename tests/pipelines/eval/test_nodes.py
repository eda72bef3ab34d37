"""The suite that checkpoints are asked, from a study's own questions and from those of others."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.suite_sources import SuiteSources
from alignment_pretraining.pipelines.eval.nodes import prepare_suite, prepare_suite_from_elsewhere
from tests.english import english
from tests.evaluation.small_models import published
from tests.evaluation.tiny_checkpoint import make_questions


@pytest.fixture
def evaluation() -> Evaluation:
    values: dict[str, Any] = english("evaluation")
    values["run"]["items"] = {"articles": 6, "textbook": None}
    return Evaluation.model_validate(values)


def sources(folder: Path, count: int) -> SuiteSources:
    """Published questions in a file, as further articles."""
    folder.mkdir(exist_ok=True)
    rows = published(count).to_dict("records")
    (folder / "article.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"passage": "passage", "options": "choices", "misaligned": "misaligned_choice"}
    place = {"file": str(folder / "article.jsonl"), "columns": columns, "splits": {"articles": "article"}}
    return SuiteSources.model_validate({"theirs": place})


def asked(suite: Path) -> set[str]:
    """The questions of a suite."""
    lines = [line for file in suite.glob("*.jsonl") for line in file.read_text().splitlines()]
    return {str(json.loads(line)["question_id"]) for line in lines}


def test_equal_questions_have_one_suite_and_others_another(tmp_path: Path, evaluation: Evaluation) -> None:
    questions = make_questions()
    first = prepare_suite(questions, evaluation, tmp_path)
    assert prepare_suite(questions, evaluation, tmp_path) == first
    changed = questions.assign(question=questions["question"] + " Now?")
    other = prepare_suite(changed, evaluation, tmp_path)
    assert other != first and asked(other) == asked(first)


def test_questions_from_elsewhere_stand_beside_a_studys_own(tmp_path: Path, evaluation: Evaluation) -> None:
    own = make_questions()
    everything = evaluation.model_copy(
        update={"run": evaluation.run.model_copy(update={"items": {"articles": None, "textbook": None}})}
    )
    both = asked(prepare_suite(own, everything, tmp_path, None, sources(tmp_path / "in", 5)))
    alone = asked(prepare_suite(own, everything, tmp_path))
    assert len(both) == len(alone) + 5 and alone < both


def test_questions_from_elsewhere_alone_are_a_suite(tmp_path: Path, evaluation: Evaluation) -> None:
    alone = evaluation.model_copy(update={"run": evaluation.run.model_copy(update={"items": {"articles": 4}})})
    (tmp_path / "suites").mkdir()
    suite = prepare_suite_from_elsewhere(sources(tmp_path / "in", 5), alone, tmp_path, tmp_path / "suites")
    assert len(asked(suite)) == 4
    assert not asked(suite) & set(pd.DataFrame(make_questions())["question_id"])
