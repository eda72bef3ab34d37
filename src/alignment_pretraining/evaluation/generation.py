"""What a chat model writes in answer to a question, with what is read from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.prompts import Prompt
from alignment_pretraining.evaluation.replies import outcome_of
from alignment_pretraining.evaluation.scoring import context_of


def written_rows(
    model: Any, tokenizer: Any, prompts: Sequence[Prompt], evaluation: Evaluation
) -> Iterator[dict[str, Any]]:
    """A row for each prompt as `scoring.item` gives it, with what was written and its outcome; no log-probabilities.

    Raises:
        UserError: a prompt leaves no room in the model's context.
    """
    told, texts = evaluation.generation, replies(model, tokenizer, prompts, evaluation)
    for prompt, text in zip(prompts, texts, strict=True):
        outcome, letter = outcome_of(text, prompt.misaligned, told.answer, told.refusal)
        yield {
            **prompt.place(),
            "tokens_aligned": 0,
            "tokens_misaligned": 0,
            "picked": outcome if letter else "",
            "picked_option": letter,
            "tie": False,
            "outcome": outcome,
            "written": text,
        }


def replies(model: Any, tokenizer: Any, prompts: Sequence[Prompt], evaluation: Evaluation) -> list[str]:
    """The likeliest reply to each prompt, token by token, to its end or `generation.tokens`, in their order.

    Prompts of about the same length are worked on together, padded on the left.

    Raises:
        UserError: a prompt leaves no room in the model's context.
    """
    import torch

    limit = context_of(model)
    ids = [list(tokenizer(prompt.text, add_special_tokens=False)["input_ids"]) for prompt in prompts]
    for prompt, one in zip(prompts, ids, strict=True):
        if len(one) >= limit:
            raise UserError(
                f"question {prompt.question['question_id']!r} in template {prompt.template} is {len(one)} tokens long, "
                f"the model reads {limit} with its reply; shorten the question or the template"
            )
    texts = [""] * len(prompts)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0
    order = sorted(range(len(ids)), key=lambda number: -len(ids[number]))
    for start in range(0, len(order), evaluation.batch_size):
        numbers = order[start : start + evaluation.batch_size]
        length = max(len(ids[number]) for number in numbers)
        padded = torch.tensor([[pad] * (length - len(ids[n])) + ids[n] for n in numbers], device=model.device)
        mask = torch.tensor([[0] * (length - len(ids[n])) + [1] * len(ids[n]) for n in numbers], device=model.device)
        room = min(evaluation.generation.tokens, limit - length)
        with torch.inference_mode():
            written = model.generate(
                padded, attention_mask=mask, do_sample=False, max_new_tokens=room, pad_token_id=pad
            )
        for number, row in zip(numbers, written, strict=True):
            texts[number] = tokenizer.decode(row[length:], skip_special_tokens=True).strip()
    return texts
