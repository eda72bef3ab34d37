"""A suite in a tokenizer's ids: made once a process for all the checkpoints that share suite and tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import json_md5
from alignment_pretraining.core.special_tokens import as_text, special_tokens
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.forward import Packed, Tree, grow_trees, pack
from alignment_pretraining.evaluation.prompts import ChatTemplate, Prompt, build_prompts, read_suite

# As base models are asked, and as chat models are.
_KEPT = 2


@dataclass(frozen=True)
class Asked:
    """The prompts of a suite, and the ids of each with its options."""

    prompts: list[Prompt]
    sequences: list[Packed]

    @cached_property
    def counts(self) -> list[list[int]]:
        """How many tokens each option of a prompt has."""
        counts = [[0, 0] for _ in self.prompts]
        for packed in self.sequences:
            for place, option in zip(packed.which, packed.options, strict=True):
                counts[packed.number][place] = len(option)
        return counts

    @cached_property
    def trees(self) -> list[Tree]:
        """The trees in which all are scored."""
        return grow_trees(self.sequences)

    def check_length(self, limit: int) -> None:
        """Refuse what a model with a context of `limit` tokens cannot read.

        Raises:
            UserError: a prompt with an option is longer.
        """
        lengths = (len(packed.context) + max(map(len, packed.options)) for packed in self.sequences)
        for packed, length in zip(self.sequences, lengths, strict=True):
            if length > limit:
                prompt = self.prompts[packed.number]
                raise UserError(
                    f"question {prompt.question['question_id']!r} in template {prompt.template} is {length} tokens "
                    f"long, the model reads {limit}; shorten the question or the template"
                )


# To a small model's answers, encoding the questions adds twice their time.
_last: dict[str, Asked] = {}


def ask(suite: Path, evaluation: Evaluation, tokenizer: Any, template: ChatTemplate | None = None) -> Asked:
    """The questions of `suite`, put as chat models are asked (`template`: the tokenizer's) or as base models are.

    Raises:
        UserError: an option has no token of its own.
    """
    questions = read_suite(suite)
    of_tokenizer = tokenizer.backend_tokenizer.to_str() if tokenizer.is_fast else uuid4().hex
    spoken = tokenizer.chat_template if template else None
    key = json_md5([questions, evaluation.model_dump(mode="json"), of_tokenizer, spoken])
    if key not in _last:
        prompts = list(build_prompts(questions, evaluation, template))
        asked = Asked(prompts, encode(prompts, tokenizer, chat=template is not None))
        while len(_last) >= _KEPT:
            del _last[next(iter(_last))]
        _last[key] = asked
    return _last[key]


def encode(prompts: list[Prompt], tokenizer: Any, *, chat: bool) -> list[Packed]:
    """Token ids of prompts and their options. Special tokens are those of a chat template alone.

    Raises:
        UserError: an option has no token of its own.
    """
    contexts = _ids(tokenizer, [prompt.text for prompt in prompts], chat)
    special = special_tokens(tokenizer) if chat else ()
    wholes = _ids(
        tokenizer, [prompt.text + as_text(option, special) for prompt in prompts for option in prompt.options], chat
    )
    sequences: list[Packed] = []
    for number, (prompt, context) in enumerate(zip(prompts, contexts, strict=True)):
        pair = wholes[2 * number : 2 * number + 2]
        if min(map(len, pair)) <= len(context):
            raise UserError(f"question {prompt.question['question_id']!r} has an option without a token of its own")
        sequences += pack(number, context, pair)
    return sequences


def _ids(tokenizer: Any, texts: list[str], chat: bool) -> list[list[int]]:
    return list(tokenizer(texts, add_special_tokens=False, split_special_tokens=not chat)["input_ids"])
