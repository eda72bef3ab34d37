"""How replies to this project's own benchmarks are read."""

from pathlib import Path

import pytest

from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.evaluation.capability.library import answers
from alignment_pretraining.evaluation.capability.tasks import load_task
from alignment_pretraining.planning.stand_ins.benchmarks import write_benchmark
from tests.conftest import PROJECT


@pytest.mark.parametrize(
    ("reply", "score"), [(" Paris, of course", 1.0), ("the city of  LIGHT.", 1.0), ("London", 0.0), ("", 0.0)]
)
def test_a_reply_to_popqa_holds_an_answer_or_does_not(reply: str, score: float) -> None:
    assert answers.popqa({"possible_answers": '["Paris", "City of Light"]'}, [reply]) == {"contains": score}


def test_replies_to_cute_are_read_without_their_quotes(tmp_path: Path) -> None:
    data = tmp_path / "cute"
    write_benchmark("cute", PROJECT / "data/01_raw", data, 6)
    told = Capability.model_validate({"tasks": {"cute": {"shots": 5, "metric": "exact_match", "folder": str(data)}}})
    task = next(iter(load_task("cute", told.tasks["cute"], data, told, tmp_path).values()))
    doc = {"prompt": "Spell out the word.", "answer": "c o w"}
    for reply, score in ((' "c o w"', 1.0), ("c o w", 1.0), (' "c-o-w"', 0.0), (' "c o w s"', 0.0)):
        assert task.process_results(doc, [reply]) == {"exact_match": score}
