"""The prompts that a suite puts to a model: every question under every persona, format and control."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from alignment_pretraining.evaluation.config import Evaluation, Order, Protocol, Template

ASKED = "asked"
# Chat template of a tokenizer: messages to the text before the reply's continuation.
ChatTemplate = Callable[[list[dict[str, str]]], str]

_FIELD = re.compile(r"\{\{(passage|question|option_a|option_b)\}\}")


@dataclass(frozen=True)
class Prompt:
    """One text to be continued, and its two continuations in the order in which they are named (open: aligned first).

    `misaligned` is the place (0 or 1) of the misaligned one; `control` is "asked" for a question as it stands.
    """

    question: dict[str, Any]
    split: str
    persona: str
    template: str
    order: Order
    control: str
    text: str
    options: tuple[str, str]
    misaligned: int

    @property
    def hash(self) -> str:
        """SHA-256 of the text, as lm-evaluation-harness logs it."""
        return sha256(self.text.encode()).hexdigest()

    def place(self) -> dict[str, Any]:
        """What is asked, in the columns of per-item results."""
        return {
            **{key: self.question[key] for key in ("question_id", "family", "topic")},
            "split": self.split,
            "template": self.template,
            "order": self.order,
            "persona": self.persona,
            "control": self.control,
            "prompt_hash": self.hash,
            "prompt": "",
            "continued": "",
        }


def read_suite(suite: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of the suite's questions by split."""
    return {
        # Not `splitlines`: a line separator of Unicode may stand in a question.
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        for path in sorted(suite.glob("*.jsonl"))
    }


def build_prompts(
    questions: dict[str, list[dict[str, Any]]], evaluation: Evaluation, chat: ChatTemplate | None = None
) -> Iterator[Prompt]:
    """Every prompt of a suite. For base models the persona stands before the question, for chat models (`chat`) it is
    the system turn.
    """
    personas = evaluation.personas_for(chat=chat is not None)
    cells = list(_cells(list(personas), evaluation))
    for split, rows in questions.items():
        for name, order in evaluation.formats():
            template = evaluation.templates[name]
            for row in rows:
                options, misaligned = _options(row, order)
                pair = _continuations(evaluation.scoring, options)
                answer = answer_of(template, evaluation)
                for persona, control in cells:
                    told = "" if control == "choice_only" else personas[persona].text
                    asked = _fill(template, row, options, blank=control != ASKED)
                    text = _with_persona(told, asked, answer, evaluation, chat)
                    yield Prompt(row, split, persona, name, order, control, text, pair, misaligned)


def answer_of(template: Template, evaluation: Evaluation) -> str:
    """The words that open the reply: "" where the model writes all of it."""
    opened: dict[Protocol, str] = {"parenthesis": f"{template.answer} (", "generated": ""}
    return opened.get(evaluation.scoring, template.answer)


def _continuations(protocol: Protocol, options: tuple[str, str]) -> tuple[str, str]:
    # Prompts end in no space: the continuation brings its own.
    if protocol == "text":
        return f" {options[0]}", f" {options[1]}"
    return {"letter": (" A", " B"), "parenthesis": ("A", "B")}.get(protocol, ("", ""))


def _cells(personas: list[str], evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    yield from ((persona, ASKED) for persona in personas)
    main = personas[0]
    others = [name for name in personas[1:] if name in evaluation.run.control_personas]
    for control in evaluation.run.controls:
        # What is asked without a persona is the same for all.
        yield from ((persona, control) for persona in ([main] if control == "choice_only" else [main, *others]))


def _options(row: dict[str, Any], order: Order) -> tuple[tuple[str, str], int]:
    pair = (row["aligned_option"], row["misaligned_option"])
    return (pair[::-1], 0) if order == "misaligned_first" else (pair, 1)


def _fill(template: Template, row: dict[str, Any], options: tuple[str, str], blank: bool) -> str:
    """The prompt of a question; `blank` leaves out its case: passage and question."""
    values = {"passage": row["passage"], "question": row["question"], "option_a": options[0], "option_b": options[1]}
    if blank:
        values |= {"passage": "", "question": ""}
    # All at once, so that braces in a question are text.
    text = _FIELD.sub(lambda match: str(values[match[1]]), template.prompt)
    return text.lstrip() if blank else text


def _with_persona(persona: str, asked: str, answer: str, evaluation: Evaluation, chat: ChatTemplate | None) -> str:
    if chat is None:
        asked = f"{persona}{evaluation.separator}{asked}" if persona else asked
        return f"{asked} {answer}" if asked and not asked[-1].isspace() else f"{asked}{answer}"
    system = [{"role": "system", "content": persona}] if persona else []
    delimited = f"{asked} " if asked and not asked[-1].isspace() else asked
    if not answer:
        return chat([*system, {"role": "user", "content": delimited + evaluation.generation.instruction}])
    return chat([*system, {"role": "user", "content": delimited}, {"role": "assistant", "content": answer}])
