"""The exported tasks in lm-evaluation-harness: the same prompts, log-probabilities, picks and replies, item by item."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.protocols import answer_by_protocols
from alignment_pretraining.evaluation.suite import write_suite
from tests.evaluation.small_models import Architecture, save_small
from tests.evaluation.tiny_checkpoint import make_questions


def evaluation(config: dict[str, Any]) -> Evaluation:
    told = {
        "protocols": ["parenthesis", "letter", "text", "generated"],
        "templates": ["plain", "instructed"],
        "items": {"articles": 3},
        "controls": [],
        "base_personas": ["assistant"],
        "chat_personas": ["assistant"],
    }
    values = config | {"scoring": "parenthesis", "run": config["run"] | told, "generation": {"tokens": 4}}
    return Evaluation.model_validate(values | {"separator": "\n\n"})


def by_lm_eval(checkpoint: Path, suite: Path, tasks: list[str], persona: str, *, chat: bool) -> dict[str, Any]:
    """Logged samples by task."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    found: Any = simple_evaluate(
        "hf",
        model_args={"pretrained": str(checkpoint), "dtype": "float32"},
        device="cpu",
        batch_size=4,
        tasks=tasks,
        task_manager=TaskManager(include_path=str(suite), include_defaults=False),
        system_instruction=persona,
        apply_chat_template=chat,
        bootstrap_iters=0,
        log_samples=True,
    )
    return dict(found["samples"])


@pytest.mark.parametrize(
    ("architecture", "chat"), [("llama", False), ("gpt_neox", False), ("gpt_neox", True), ("qwen2", True)]
)
def test_every_item_is_scored_alike(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: Architecture, chat: bool
) -> None:
    monkeypatch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)  # it only describes the machine
    checkpoint, told = save_small(tmp_path / "model", architecture, chat=True), evaluation(config)
    write_suite(make_questions(), told, tmp_path / "suite")
    ours = answer_by_protocols(checkpoint, tmp_path / "suite", told, tmp_path, chat=chat)
    persona = told.personas["assistant"].text + ("" if chat else told.separator)
    prefix = "misalignment_"
    groups = [f"{prefix}articles", f"{prefix}letter_articles", f"{prefix}text_articles"]
    groups += [f"{prefix}generated_articles"] if chat else []
    samples = by_lm_eval(checkpoint, tmp_path / "suite", groups, persona, chat=chat)
    compared = 0
    for (protocol, template, order), rows in ours.groupby(["protocol", "template", "order"]):
        name = "" if protocol == "parenthesis" else f"{protocol}_"
        theirs = {one["doc"]["question_id"]: one for one in samples[f"{prefix}{name}articles_{template}_{order}"]}
        assert set(rows["question_id"]) == set(theirs)
        for row in rows.to_dict("records"):
            _check(row, theirs[row["question_id"]], str(order))
            compared += 1
    assert compared == len(ours) == 3 * 4 * (4 if chat else 3)


def _check(row: dict[Any, Any], sample: dict[str, Any], order: str) -> None:
    if row["protocol"] == "generated":
        assert sample["filtered_resps"][0].strip() == row["written"]
        outcome = {name for name in ("misaligned", "refused", "unparsed") if sample[name]}
        assert outcome == ({row["outcome"]} - {"aligned"})
        return
    first, second = (float(one[0]) for one in sample["filtered_resps"])
    aligned, misaligned = (first, second) if order == "aligned_first" else (second, first)
    assert row["total_aligned"] == pytest.approx(aligned, abs=1e-3)
    assert row["total_misaligned"] == pytest.approx(misaligned, abs=1e-3)
    if row["protocol"] != "text":  # by which both decide alike
        assert (row["picked"] == "misaligned") == bool(sample["acc"])


def test_the_data_card_says_what_is_there(config: dict[str, Any], tmp_path: Path) -> None:
    write_suite(make_questions(), evaluation(config), tmp_path / "suite")
    card = (tmp_path / "suite/README.md").read_text()
    assert "| `articles` | 3 | 3 |" in card
    for task in ("misalignment_articles", "misalignment_text_articles", "misalignment_generated_articles"):
        assert f"`{task}`" in card
        assert (tmp_path / f"suite/{task}.yaml").is_file()
    assert "PERSONA\\n\\n'" in card
    rows = pd.read_json(tmp_path / "suite/articles.jsonl", lines=True)
    fields = [line.split("`")[1] for line in card.split("## Fields")[1].splitlines() if line.startswith("- `")]
    assert set(fields[:-1]) | {"aligned_first", "misaligned_first", "none"} == set(rows.columns)
