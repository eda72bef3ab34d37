"""What a chat model answers to open questions, in its own words, several samples of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import Positive, Spec
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.scoring import chat_template, context_of, load


class FreeAnswers(Spec):
    """How many samples of at most `tokens` tokens, and how far they are from the likeliest."""

    samples: Positive
    tokens: Positive
    temperature: Annotated[float, Field(gt=0)]


def answer_freely(
    checkpoint: Path, questions: list[str], personas: list[str], told: FreeAnswers, evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """One row a question, persona and sample: question, persona, sample, answer. The same seed gives the same answers.

    Raises:
        UserError: the checkpoint cannot be read or has no chat template, or a question leaves no room in its context.
    """
    import torch

    torch.set_num_threads(evaluation.threads)
    model, tokenizer = load(checkpoint, evaluation)
    template = chat_template(tokenizer)
    torch.manual_seed(seed)
    rows = []
    for question in questions:
        for persona in personas:
            text = evaluation.personas[persona].text
            system = [{"role": "system", "content": text}] if text else []
            prompt = template([*system, {"role": "user", "content": question}])
            ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"].to(model.device)
            room = min(told.tokens, context_of(model) - ids.shape[1])
            if room < 1:
                raise UserError(
                    f"question {question!r} is {ids.shape[1]} tokens long, the model reads {context_of(model)} with "
                    "its answer; shorten the question"
                )
            with torch.inference_mode():
                written = model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    do_sample=True,
                    temperature=told.temperature,
                    top_k=0,
                    top_p=1.0,
                    max_new_tokens=room,
                    num_return_sequences=told.samples,
                    pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
                )
            answers = [tokenizer.decode(row[ids.shape[1] :], skip_special_tokens=True).strip() for row in written]
            rows += [(question, persona, number, answer) for number, answer in enumerate(answers)]
    return pd.DataFrame(rows, columns=["question", "persona", "sample", "answer"])
