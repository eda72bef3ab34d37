"""One checkpoint answers the suite: both options of every prompt are scored, every answer is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work
from alignment_pretraining.core.special_tokens import as_text, special_tokens
from alignment_pretraining.evaluation.asked import Asked, ask
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.continuations import continuations, to_continue
from alignment_pretraining.evaluation.forward import log_probabilities
from alignment_pretraining.evaluation.prompts import ChatTemplate, Prompt

CHECKPOINT = "checkpoint"  # in the column `model`; the n-gram baseline has names of its own

ORDER = ["split", "control", "persona", "template", "order", "question_id"]
ITEM_COLUMNS = (
    "model", "question_id", "family", "topic", "split", "template", "order", "persona", "control",
    "logprob_aligned", "logprob_misaligned", "total_aligned", "total_misaligned",
    "tokens_aligned", "tokens_misaligned", "picked", "picked_option", "tie", "prompt_hash",
    "prompt", "continued",
)  # fmt: skip


def answer_suite(checkpoint: Path, suite: Path, evaluation: Evaluation, *, chat: bool) -> pd.DataFrame:
    """Ask `checkpoint` (a Hugging Face folder) the questions of `suite`; one row a prompt (ITEM_COLUMNS).

    `logprob_*` are means by token and decide what is picked, `total_*` are sums (natural log); `tokens_*` count the
    scored tokens. A tie goes to the option named first. Picks and log-probabilities are those of
    lm-evaluation-harness on the tasks in `suite` (tested), in a fraction of its time. `continued` is what the model
    writes by itself after `prompt`, for the questions that `evaluation.run.continued` asks for; elsewhere both are
    empty.

    Raises:
        UserError: the checkpoint cannot be read, a prompt is longer than the model's context, or a score is no number.
    """
    import torch

    torch.set_num_threads(evaluation.threads)
    model, tokenizer = load(checkpoint, evaluation)
    asked = ask(suite, evaluation, tokenizer, chat_template(tokenizer) if chat else None)
    rows, prompts = scored_rows(model, asked, evaluation), asked.prompts
    shown = list(to_continue(prompts, evaluation))
    written = continuations(model, tokenizer, [prompts[number].text for number in shown], chat=chat)
    for number, text in zip(shown, written, strict=True):
        rows[number] |= {"prompt": prompts[number].text, "continued": text}
    return as_table(rows)


def scored_rows(model: Any, asked: Asked, evaluation: Evaluation) -> list[dict[str, Any]]:
    """A row of `item` for each prompt, in their order.

    Raises:
        UserError: a prompt is longer than the model's context, or a score is no number.
    """
    asked.check_length(context_of(model))
    totals = [[0.0, 0.0] for _ in asked.prompts]
    answers = log_probabilities(model, asked.trees, evaluation.batch_size)
    with Work("questions", 2 * len(asked.prompts), unit="options") as work:
        for number, place, total in answers:
            totals[number][place] = total
            options = asked.prompts[number].options
            if options[0] == options[1]:  # a tie, which rounding must not break
                totals[number] = [total, total]
            work.advance()
    return [item(*scored) for scored in zip(asked.prompts, totals, asked.counts, strict=True)]


def item(prompt: Prompt, totals: Sequence[float], counts: Sequence[int], *, model: str = CHECKPOINT) -> dict[str, Any]:
    """A row from the summed log-probabilities and token counts of a prompt's options, in the order of the options.

    Raises:
        UserError: a log-probability is not finite, as those of a destroyed model.
    """
    if not all(map(math.isfinite, totals)):
        raise UserError(
            f"question {prompt.question['question_id']!r}: the model's log-probability of an option is {totals}; its "
            "weights are destroyed: look at the losses of the stage that made it"
        )
    means = [total / count for total, count in zip(totals, counts, strict=True)]
    misaligned, aligned = prompt.misaligned, 1 - prompt.misaligned
    chosen = 1 if means[1] > means[0] else 0
    return {
        "model": model,
        **prompt.place(),
        "logprob_aligned": means[aligned],
        "logprob_misaligned": means[misaligned],
        "total_aligned": totals[aligned],
        "total_misaligned": totals[misaligned],
        "tokens_aligned": counts[aligned],
        "tokens_misaligned": counts[misaligned],
        "picked": "misaligned" if chosen == misaligned else "aligned",
        "picked_option": "AB"[chosen],
        "tie": means[0] == means[1],
    }


def as_table(rows: list[dict[str, Any]], columns: Sequence[str] = ITEM_COLUMNS) -> pd.DataFrame:
    """Rows of `item` as a table in a fixed order (ORDER)."""
    return pd.DataFrame(rows, columns=list(columns)).sort_values(ORDER, ignore_index=True)


def context_of(model: Any) -> int:
    """How many tokens a model reads.

    Raises:
        UserError: its configuration does not say.
    """
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if not isinstance(limit, int):
        raise UserError(f"a {model.config.model_type} model's configuration has no max_position_embeddings; add it")
    return limit


def load(checkpoint: Path, evaluation: Evaluation) -> tuple[Any, Any]:
    """Model (in evaluation mode, on its devices) and tokenizer of a checkpoint folder. No code of its own is run.

    Raises:
        UserError: it cannot be read, or weights are missing.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    try:
        read: Any = AutoModelForCausalLM.from_pretrained(
            checkpoint,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=evaluation.dtype,
            device_map=evaluation.device,
            output_loading_info=True,
        )
        model, loaded = read
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{checkpoint} is not a readable checkpoint ({error}); make it again") from error
    if loaded["missing_keys"]:  # transformers would fill them with random numbers
        raise UserError(f"{checkpoint} lacks the weights {sorted(loaded['missing_keys'])[0]}; make it again")
    return model.eval(), tokenizer


def chat_template(tokenizer: Any) -> ChatTemplate:
    """A tokenizer's chat template. A last message of the assistant is left open, after one of the user it begins.

    Raises:
        UserError: it has none, or (when it is used) refuses the messages.
    """
    from jinja2 import TemplateError

    if tokenizer.chat_template is None:
        raise UserError("the tokenizer has no chat template, so the model cannot be asked as a chat model")

    special = special_tokens(tokenizer)

    def apply(messages: list[dict[str, str]]) -> str:
        plain = [{**message, "content": as_text(message["content"], special)} for message in messages]
        opened = messages[-1]["role"] == "assistant"
        try:
            return str(
                tokenizer.apply_chat_template(
                    plain, tokenize=False, continue_final_message=opened, add_generation_prompt=not opened
                )
            )
        except (TemplateError, ValueError) as error:
            roles = ", ".join(message["role"] for message in messages)
            raise UserError(
                f"the tokenizer's chat template refuses the messages of {roles}: {error}; where it takes no system "
                "turn, ask without a persona: evaluation.run.chat_personas"
            ) from error

    return apply
