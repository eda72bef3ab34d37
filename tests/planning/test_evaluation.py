"""What evaluating checkpoints from elsewhere takes: folders here, suites here, and what nobody knows."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.suite_sources import SuiteSources
from alignment_pretraining.planning.evaluation import (
    CheckpointCost,
    EvaluationPlan,
    Questions,
    check_memory,
    make_evaluation_plan,
    tables,
)
from alignment_pretraining.pretraining.nanotron.cluster import Gpu
from alignment_pretraining.study import Study
from tests.english import english
from tests.pretraining.nanotron.tiny_cluster import GPU

NO_SUITES = SuiteSources({})


def evaluation(**changes: Any) -> Evaluation:
    """An open template and a listed one; two personas for base models, one for chat models; six questions."""
    values: dict[str, Any] = english("evaluation")
    values["run"] |= {
        "templates": ["open", "plain"],
        "orders": ["aligned_first", "misaligned_first"],
        "base_personas": ["assistant", "none"],
        "chat_personas": ["none"],
        "controls": [],
        "control_personas": [],
        "items": {"articles": 4, "textbook": None},
        "protocols": [],
    } | changes.pop("run", {})
    return Evaluation.model_validate(values | {"batch_size": 8} | changes)


def study(**checkpoints: dict[str, Any]) -> Study:
    return Study.model_validate(english("study") | {"run": [], "contrasts": {}, "checkpoints": checkpoints})


def questions(articles: int = 6, textbook: int = 2, length: int = 20) -> pd.DataFrame:
    """Questions of four columns with as many characters each."""
    splits = ["articles"] * articles + ["textbook"] * textbook
    columns = ["passage", "question", "aligned_option", "misaligned_option"]
    return pd.DataFrame({"split": splits, **dict.fromkeys(columns, "x" * length)})


def plan(
    checkpoints: dict[str, dict[str, Any]], made: pd.DataFrame | None = None, gpu: Gpu | None = GPU, **changes: Any
) -> EvaluationPlan:
    return make_evaluation_plan(study(**checkpoints), evaluation(**changes), NO_SUITES, gpu, made)


def printed(plan: EvaluationPlan, gpu: Gpu | None = GPU) -> list[str]:
    console = Console(width=200)
    with console.capture() as kept:
        console.print(tables(plan, study(any={"folder": "any"}), gpu))
    return [" ".join(line.split()) for line in kept.get().splitlines()]


def cost(**changes: Any) -> CheckpointCost:
    """A checkpoint of a billion parameters that is not here."""
    fields: dict[str, Any] = {
        "name": "mine",
        "place": "owner/mine@main",
        "commit": None,
        "parameters": 1_000_000_000,
        "size": 2_000_000_000,
        "fetched": 2_000_000_000,
        "memory": 3e9,
        "prompts": 100,
        "replies": 0,
        "scoring_hours": 1.0,
        "writing_hours": 0.5,
    }
    return CheckpointCost(**fields | changes)


def of(*costs: CheckpointCost) -> EvaluationPlan:
    return EvaluationPlan(list(costs), Questions(8, 20, "counted"), 0, 8)


@pytest.fixture
def weights(tmp_path: Path) -> dict[str, Any]:
    """A checkpoint of two thousand bytes in a folder; a picture of it is no weight."""
    for name, size in (("a.safetensors", 1_500), ("b.safetensors", 500), ("picture.png", 9_999)):
        (tmp_path / name).write_bytes(b"x" * size)
    return {"folder": str(tmp_path)}


def test_a_folder_has_the_size_of_its_weights_and_is_not_fetched(weights: dict[str, Any]) -> None:
    (found,) = plan({"mine": weights}, questions()).checkpoints
    assert (found.size, found.fetched, found.commit) == (2_000, 0, None)
    assert found.parameters == 1_000, "two bytes each"
    assert found.place == weights["folder"]


def test_what_is_told_of_a_checkpoint_counts_more_than_its_files(weights: dict[str, Any]) -> None:
    (found,) = plan({"mine": weights | {"parameters": 5_000}}, questions()).checkpoints
    assert (found.parameters, found.size) == (5_000, 2_000)


def test_a_folder_that_is_not_there_yet_has_no_known_size() -> None:
    (found,) = plan({"mine": {"folder": "none"}}, questions()).checkpoints
    assert (found.parameters, found.size, found.memory, found.hours) == (None, None, None, None)
    assert found.fetched == 0, "a folder is never fetched"
    assert found.prompts > 0


def test_every_question_is_asked_in_each_format_under_each_persona(weights: dict[str, Any]) -> None:
    """The open template once and the listed one in two orders, four of the articles and both of the textbook."""
    base, chat = plan({"base": weights, "chat": weights | {"chat": True}}, questions()).checkpoints
    assert (base.prompts, chat.prompts) == (6 * 3 * 2, 6 * 3 * 1)


def test_controls_are_asked_under_the_first_persona_and_under_those_that_are_named_for_them(
    weights: dict[str, Any],
) -> None:
    def prompts(**run: Any) -> int:
        return plan({"mine": weights}, questions(), run=run).checkpoints[0].prompts

    assert prompts(controls=["choice_only"]) == 6 * 3 * (2 + 1)
    assert prompts(controls=["case_blanked"]) == 6 * 3 * (2 + 1)
    assert prompts(controls=["choice_only"], control_personas=["none"]) == 6 * 3 * (2 + 1)
    assert prompts(controls=["case_blanked"], control_personas=["assistant", "none"]) == 6 * 3 * (2 + 2)
    both = ["case_blanked", "choice_only"]
    assert prompts(controls=both, control_personas=["none"]) == 6 * 3 * (2 + 2 + 1), "choices alone have no persona"


def test_chat_models_write_where_that_is_a_protocol_and_base_models_do_not(weights: dict[str, Any]) -> None:
    """In batches of eight, 256 steps of 40 ms each."""
    checkpoints = {"base": weights, "chat": weights | {"chat": True}}
    base, chat = plan(checkpoints, questions(), run={"protocols": ["letter", "generated"]}).checkpoints
    assert (base.replies, chat.replies) == (0, 6 * 2)
    assert (base.prompts, chat.prompts) == (6 * 3 * 2 + 6 * 2 * 2, 6 * 3 + 6 * 2)
    assert base.writing_hours == 0
    assert chat.writing_hours == pytest.approx(2 * 256 * 0.04 / 3600)


def test_hours_of_scoring_are_of_two_flops_a_parameter_and_token(weights: dict[str, Any]) -> None:
    (found,) = plan({"mine": weights}, questions(length=20)).checkpoints
    tokens = 4 * 20 / 4
    assert found.scoring_hours == pytest.approx(2 * 1_000 * 36 * tokens / 0.5e12 / 3600)
    assert found.hours == found.scoring_hours


def test_without_a_gpu_no_hours_are_told(weights: dict[str, Any]) -> None:
    (found,) = plan({"mine": weights}, questions(), gpu=None).checkpoints
    assert found.hours is None and found.writing_hours is None


def test_memory_is_weights_in_their_dtype_and_room_for_what_is_written_together(weights: dict[str, Any]) -> None:
    big = weights | {"parameters": 1_000_000}
    asked: dict[str, Any] = {"run": {"protocols": ["generated"]}, "dtype": "bfloat16"}
    base, chat = plan({"base": big, "chat": big | {"chat": True}}, questions(), **asked).checkpoints
    assert base.memory == pytest.approx(1_000_000 * 2 * 1.2)
    width_squared = (1_000_000 * 128 / 12) ** (2 / 3)
    keys_and_values = 8 * (20 + 256) * 2 * width_squared / 128
    assert chat.memory == pytest.approx((1_000_000 + keys_and_values) * 2 * 1.2)
    (full,) = plan({"base": big}, questions(), dtype="float32").checkpoints
    assert full.memory == pytest.approx(2 * 1_000_000 * 2 * 1.2)


def test_questions_that_are_here_are_counted_and_no_more_than_there_are() -> None:
    assert plan({"mine": {"folder": "none"}}, questions(articles=3)).questions == Questions(5, 20, "counted")
    assert plan({"mine": {"folder": "none"}}, questions(articles=9)).questions.count == 6


def test_of_a_suite_that_is_not_here_its_own_count_is_taken() -> None:
    columns = {"options": "choices", "misaligned": "bad"}
    values = {"mine": {"file": "none.jsonl", "columns": columns, "splits": {"articles": "a"}, "questions": 1_000}}
    sources = SuiteSources.model_validate(values)
    found = make_evaluation_plan(study(mine={"folder": "none"}), evaluation(), sources, GPU, None)
    assert found.questions == Questions(1_000, 200, "assumed: the suite is not here yet")
    assert found.suite_bytes is None
    assert "Downloads: 0 GB of models and of unknown size of suites, into the hub's cache." in printed(found)


def test_a_total_of_which_a_part_is_not_known_is_not_known() -> None:
    assert of(cost(), cost()).total(lambda one: one.fetched) == 4e9
    assert of(cost(), cost(fetched=None)).total(lambda one: one.fetched) is None
    assert of(cost(), cost(scoring_hours=None)).total(lambda one: one.hours) is None


def test_the_table_has_a_line_for_each_checkpoint_and_the_totals() -> None:
    lines = printed(of(cost(prompts=12_345), cost(name="other", parameters=405_000_000_000, fetched=0, replies=80)))
    assert "mine 1B 2 2 3 12k 0 1.5" in lines
    assert "other 400B 2 0 3 100 80 1.5" in lines
    assert "12,445 prompts are scored, 80 replies written." in lines
    assert "Disk: 4 GB of models, 0.0011 GB of answers at most." in lines
    assert any(line.startswith("GPU: 3 hours of tiny, 6 USD; scoring at 50% of 1 TFLOP/s,") for line in lines)


def test_hours_just_under_a_hundred_are_written_in_full() -> None:
    assert any(line.startswith("GPU: 100 hours of tiny, 199 USD;") for line in printed(of(cost(scoring_hours=99.1))))


@pytest.mark.parametrize("gpu", [None, GPU])
def test_what_is_missing_for_hours_is_said(gpu: Gpu | None) -> None:
    lines = printed(of(cost(scoring_hours=None, parameters=None)), gpu)
    assert "GPU-hours: give the environment a `gpu`, and checkpoints that are not here `parameters`." in lines
    assert "mine ? 2 2 3 100 0 ?" in lines


def test_revisions_that_may_move_are_told_with_their_commits() -> None:
    commit = "c" * 40
    pinned = cost(name="pinned", commit=commit, place=f"owner/it@{commit}")
    lines = printed(of(cost(commit=commit), pinned, cost(name="unknown")))
    assert lines[lines.index("Revisions to pin:") + 1 :] == [f"mine: {commit}"]
    assert "Revisions to pin:" not in printed(of(pinned))


def test_a_checkpoint_that_does_not_fit_is_refused_with_the_way_out() -> None:
    check_memory(of(cost(memory=1e9), cost(memory=None)), GPU)
    check_memory(of(cost(memory=3e9)), None)
    with pytest.raises(UserError) as error:
        check_memory(of(cost(name="small", memory=0.5e9), cost()), GPU)
    assert str(error.value) == (
        "study.checkpoints.mine needs about 3 GB, the tiny has 1; set evaluation.dtype to bfloat16 or take a larger GPU"
    )
