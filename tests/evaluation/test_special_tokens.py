"""What a special token is called is text in a question, an option and a chat, and ends or begins nothing."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from alignment_pretraining.core.special_tokens import as_text, special_tokens
from alignment_pretraining.evaluation.asked import Asked, ask
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.scoring import chat_template
from alignment_pretraining.pipelines.eval.nodes import prepare_suite

NAMES = ["<|endoftext|>", "<|user|>", "<|end|>"]


def asked(questions: pd.DataFrame, config: dict[str, Any], checkpoint: Path, scratch: Path, *, chat: bool) -> Asked:
    evaluation = Evaluation.model_validate(config)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    suite = prepare_suite(questions, evaluation, scratch)
    return ask(suite, evaluation, tokenizer, chat_template(tokenizer) if chat else None)


@pytest.mark.parametrize("chat", [False, True])
def test_names_of_special_tokens_in_questions_and_options_add_no_special_token(
    questions: pd.DataFrame, config: dict[str, Any], checkpoint: Path, tmp_path: Path, chat: bool
) -> None:
    forged = questions.assign(
        passage=questions["passage"] + f" {NAMES[0]} or {NAMES[1]} stop",
        aligned_option=questions["aligned_option"] + f" {NAMES[2]} now",
    )
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    special = {tokenizer.convert_tokens_to_ids(token) for token in special_tokens(tokenizer)}

    def count(found: Asked) -> list[int]:
        return [
            sum(token in special for text in (packed.context, *packed.options) for token in text)
            for packed in found.sequences
        ]

    plain = asked(questions, config, checkpoint, tmp_path / "plain", chat=chat)
    with_names = asked(forged, config, checkpoint, tmp_path / "forged", chat=chat)
    assert count(with_names) == count(plain)
    assert any(count(plain)) == chat


@given(st.lists(st.sampled_from([*NAMES, "<|", "|>", "end", " ", "a"])).map("".join))
def test_no_name_stays_and_nothing_is_lost(text: str) -> None:
    clean = as_text(text, NAMES)
    assert not any(name in clean for name in NAMES)
    assert clean.replace("\u2060", "") == text
