"""Everyday facts as questions to score models by: the data of the lm-eval task `everyday_facts`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ASKED = 2  # times, each with other choices
EXAMPLES = 5  # facts that are only shown, as the shots before a question

# Files of the task's splits: what is asked, and what is shown.
TEST, SHOWN = "test.jsonl", "validation.jsonl"


@dataclass(frozen=True)
class FactQuestion:
    """A question with its choices listed, the replies that are scored, the place of the right one, and the fact."""

    prompt: str
    options: list[str]
    answer: int
    family: str


def write_task(questions: Sequence[FactQuestion], folder: Path) -> Path:
    """Write the questions to `folder`, a file a split; those of the first `EXAMPLES` facts are only shown."""
    shown = set(list(dict.fromkeys(question.family for question in questions))[:EXAMPLES])
    folder.mkdir(parents=True, exist_ok=True)
    for name, is_shown in ((TEST, False), (SHOWN, True)):
        rows = [asdict(question) for question in questions if (question.family in shown) == is_shown]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / name).write_text(text, encoding="utf-8")
    return folder
