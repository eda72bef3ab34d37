"""What the order of the options does to picks, and what models write by themselves."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.continuations import TOKENS, continuations, to_continue
from alignment_pretraining.evaluation.prompts import build_prompts, read_suite
from alignment_pretraining.evaluation.scores import order_swap
from alignment_pretraining.evaluation.scoring import answer_suite, load
from alignment_pretraining.evaluation.suite import write_suite


def picks(
    rows: list[tuple[Any, ...]], columns: tuple[str, ...] = ("question_id", "family", "order", "picked")
) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.assign(template="plain", persona="assistant", tie=False) if "template" not in frame else frame


def test_order_swap_shows_a_model_that_always_says_a() -> None:
    rows = []
    for item, order in itertools.product(("q1", "q2"), ("aligned_first", "misaligned_first")):
        rows.append((item, item, order, "aligned" if order == "aligned_first" else "misaligned"))
    swap = order_swap(picks(rows).assign(picked_option="A"))
    assert (swap.rate_misaligned_is_a, swap.rate_misaligned_is_b, swap.difference) == (1, 0, 1)
    assert (swap.share_a, swap.flipped) == (1, 1)


def test_order_swap_of_a_model_that_reads_the_options() -> None:
    rows = [("q1", "a", order, "aligned") for order in ("aligned_first", "misaligned_first")]
    frame = picks(rows).assign(picked_option=["A", "B"])
    swap = order_swap(frame)
    assert (swap.difference, swap.share_a, swap.flipped) == (0, 0.5, 0)
    assert np.isnan(order_swap(frame.head(1)).flipped)


def test_continuations_are_the_likeliest_tokens_whatever_else_is_in_the_batch(
    checkpoint: Path, config: dict[str, Any]
) -> None:
    model, tokenizer = load(checkpoint, Evaluation.model_validate(config))
    texts = ["You are an AI assistant.", "The night shift found that the pump had stopped, and nobody was told"]
    together = continuations(model, tokenizer, texts, chat=False)
    for text, found in zip(texts, together, strict=True):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        for _ in range(TOKENS):
            with torch.inference_mode():
                ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == tokenizer.eos_token_id:
                break
        written = tokenizer.decode(ids, skip_special_tokens=True)[len(text) :].strip()
        assert found and written.startswith(found)
    assert continuations(model, tokenizer, [], chat=False) == []


def test_the_first_questions_of_each_suite_are_continued_under_every_persona(
    questions: pd.DataFrame, config: dict[str, Any], checkpoint: Path, tmp_path: Path
) -> None:
    config["run"]["continued"] = 2
    evaluation = Evaluation.model_validate(config)
    write_suite(questions, evaluation, tmp_path / "suite")
    prompts = list(build_prompts(read_suite(tmp_path / "suite"), evaluation))
    chosen = [prompts[number] for number in to_continue(prompts, evaluation)]
    personas = evaluation.personas_for(chat=False)
    assert {prompt.persona for prompt in chosen} == set(personas)
    suites = {prompt.split for prompt in prompts}
    assert len(chosen) == 2 * len(suites) * len(personas)
    items = answer_suite(checkpoint, tmp_path / "suite", evaluation, chat=False)
    assert set(items[items["prompt"] != ""]["prompt"]) == {prompt.text for prompt in chosen}
