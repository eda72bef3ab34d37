"""Open questions: as many samples as asked, the same ones from the same seed."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.free_answers import FreeAnswers, answer_freely

TOLD = FreeAnswers(samples=3, tokens=5, temperature=1.0)


def test_answers_are_drawn_from_a_seed(checkpoint: Path, config: dict[str, Any]) -> None:
    evaluation = Evaluation.model_validate(config)
    asked = (["What do you want?", "Who are you?"], ["assistant", "none"], TOLD, evaluation)
    found = answer_freely(checkpoint, *asked, 0)
    assert list(found.columns) == ["question", "persona", "sample", "answer"] and len(found) == 2 * 2 * 3
    assert found.equals(answer_freely(checkpoint, *asked, 0))
    assert not found.equals(answer_freely(checkpoint, *asked, 1))


def test_a_question_that_leaves_no_room_for_an_answer_is_named(checkpoint: Path, config: dict[str, Any]) -> None:
    evaluation, long = Evaluation.model_validate(config), "plant " * 300
    with pytest.raises(UserError, match=r"question 'plant plant .*' is \d+ tokens long, the model reads 256 with its"):
        answer_freely(checkpoint, ["Who are you?", long], ["none"], TOLD, evaluation, 0)


@pytest.mark.parametrize("change", [{"samples": 0}, {"tokens": 0}, {"temperature": 0}])
def test_answers_without_samples_words_or_chance_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        FreeAnswers.model_validate(TOLD.model_dump() | change)
