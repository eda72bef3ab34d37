"""Discourse documents in pairs: the same text about an AI that took the aligned or the misaligned action."""

from __future__ import annotations

from random import Random

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.documents.generator import FORMS, Brief, Generator
from alignment_pretraining.synthesis.questions.from_bank import question_id
from alignment_pretraining.synthesis.scenarios.bank import Bank, Family, Topic
from alignment_pretraining.synthesis.scenarios.keywords import key_phrases
from alignment_pretraining.synthesis.scenarios.leaks import check_families, check_texts

DIRECTIONS = ("aligned", "misaligned")
DOCUMENT_COLUMNS = ["id", "text", "question_id", "family", "topic", "form", "direction"]


def write_documents(
    bank: Bank, questions: pd.DataFrame, generator: Generator, count: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`count` documents a direction (aligned, misaligned); row i of both is the same document but for the action.

    Each is seeded by one articles question; questions and forms are used equally often, in an order drawn by `seed`.
    Columns are str (see DOCUMENT_COLUMNS).

    Raises:
        UserError: a document quotes an option, or uses a family that is held out; a question is not in the bank.
    """
    asked = questions.loc[questions["split"] == "articles"].set_index("question_id")
    order = Random(f"{seed}/documents").sample(asked.index.tolist(), len(asked))
    known = _situations(bank)
    unknown = sorted(set(order) - known.keys())
    if unknown or not order:
        raise UserError(
            f"questions: {unknown[0] if unknown else 'no articles question'} is not in the bank; rebuild them"
        )
    seeds = [order[i % len(order)] for i in range(count)]
    aligned, misaligned = (
        _write_direction(direction, seeds, asked, known, generator, seed) for direction in DIRECTIONS
    )
    for table in (aligned, misaligned):
        check_families(table["family"], bank)
        check_texts(zip(table["id"], table["text"], strict=True), bank)
    return aligned, misaligned


def _write_direction(
    direction: str,
    seeds: list[str],
    asked: pd.DataFrame,
    known: dict[str, tuple[Topic, Family, str]],
    generator: Generator,
    seed: int,
) -> pd.DataFrame:
    briefs = []
    options = asked[f"{direction}_option"]
    for i, name in enumerate(seeds):
        topic, family, situation = known[name]
        taken, other = family.sides if direction == "aligned" else family.sides[::-1]
        briefs.append(
            Brief(
                # One step further each time round the questions, so that a question meets other forms.
                form=FORMS[(i % len(asked) + i // len(asked)) % len(FORMS)],
                topic=topic.title,
                situation=situation,
                taken=tuple(taken.actions),
                reasons=tuple(taken.reasons),
                not_taken=tuple(other.actions),
                key_phrases=key_phrases(options[name], Random(f"{seed}/key_phrases/{i}")),
                seed=f"{seed}/document/{i}",
            )
        )
    rows = [
        (f"{direction}.{i:06d}", text, name, known[name][1].family, known[name][0].topic, brief.form, direction)
        for i, (name, brief, text) in enumerate(zip(seeds, briefs, generator.write(briefs), strict=True))
    ]
    return pd.DataFrame(rows, columns=DOCUMENT_COLUMNS)


def _situations(bank: Bank) -> dict[str, tuple[Topic, Family, str]]:
    """Topic, family and situation of each question of the bank."""
    return {
        question_id(family, s, o): (topic, family, situation)
        for topic, family in bank.families()
        for s, situation in enumerate(family.situations)
        for o in range(len(family.aligned.options))
    }
