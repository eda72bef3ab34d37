"""What a model writes by itself after a prompt, for a reader to see; no rate depends on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.prompts import ASKED, Prompt

TOKENS = 24
_SENTENCE = re.compile(r"[.!?\n]")


def to_continue(prompts: Sequence[Prompt], evaluation: Evaluation) -> Iterator[int]:
    """Numbers of the prompts that are continued: the first questions of each suite, in the first format."""
    template, order = evaluation.formats()[0]
    firsts: dict[str, list[str]] = {}
    for number, prompt in enumerate(prompts):
        if (prompt.template, prompt.order, prompt.control) != (template, order, ASKED):
            continue
        chosen = firsts.setdefault(prompt.split, [])
        question = str(prompt.question["question_id"])
        if question not in chosen and len(chosen) < evaluation.run.continued:
            chosen.append(question)
        if question in chosen:
            yield number


def continuations(model: Any, tokenizer: Any, texts: Sequence[str], *, chat: bool) -> list[str]:
    """Each text's likeliest continuation, token by token, to the end of a sentence or `TOKENS` tokens.

    Special tokens in the texts are those of a chat template alone.
    """
    import torch

    if not texts:
        return []
    ids = [
        list(tokenizer(text, add_special_tokens=False, split_special_tokens=not chat)["input_ids"]) for text in texts
    ]
    length = max(map(len, ids))
    limit = model.config.max_position_embeddings
    room = TOKENS if limit is None else min(TOKENS, limit - length)
    if room < 1:
        return [""] * len(texts)
    # Padded on the left, so that all end where the continuation begins.
    padded = torch.tensor([[0] * (length - len(one)) + one for one in ids], device=model.device)
    mask = torch.tensor([[0] * (length - len(one)) + [1] * len(one) for one in ids], device=model.device)
    with torch.inference_mode():
        written = model.generate(
            padded, attention_mask=mask, do_sample=False, max_new_tokens=room, pad_token_id=tokenizer.eos_token_id or 0
        )
    return [_sentence(tokenizer.decode(row[length:], skip_special_tokens=True)) for row in written]


def _sentence(text: str) -> str:
    end = _SENTENCE.search(text)
    return (text[: end.end()] if end else text).strip()
