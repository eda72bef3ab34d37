"""Open questions: as many samples as asked, the same ones from the same seed."""

from pathlib import Path
from typing import Any

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
