"""Everyday facts, and multiple-choice questions on them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pandas as pd
from pydantic import Field

from alignment_pretraining.core.spec import Spec
from alignment_pretraining.synthesis.documents.phrases import fill_in
from alignment_pretraining.synthesis.fact_questions import ASKED, FactQuestion
from alignment_pretraining.synthesis.yaml_files import read_model

CHOICES = 4


class Relation(Spec):
    """One kind of fact: `ask` and `say` hold {subject}, `say` also {answer}."""

    name: str
    ask: str = Field(pattern=r"\{subject\}")
    say: str = Field(pattern=r"\{answer\}")
    answers: dict[str, str] = Field(min_length=CHOICES)

    def question(self, subject: str) -> str:
        """What is asked about `subject`."""
        return fill_in(self.ask, "facts.yml", subject=subject)

    def statement(self, subject: str) -> str:
        """The fact as a sentence."""
        return fill_in(self.say, "facts.yml", subject=subject, answer=self.answers[subject])


class Facts(Spec):
    """Every relation of `facts.yml`."""

    relations: list[Relation] = Field(min_length=1)

    def pairs(self) -> list[tuple[Relation, str]]:
        """Every (relation, subject)."""
        return [(relation, subject) for relation in self.relations for subject in relation.answers]


def load_facts(phrases: Path) -> Facts:
    """Read `facts.yml` of a phrase folder. Raises UserError if it is missing or wrong."""
    return read_model(phrases / "facts.yml", Facts)


def write_mcqa(phrases: Path, count: int, seed: int) -> pd.DataFrame:
    """`count` questions (columns id, text), answered by the text of the right choice.

    Every fact is asked equally often; choices and their order are drawn by `seed`.
    """
    pairs = load_facts(phrases).pairs()
    order = Random(f"{seed}/mcqa").sample(pairs, len(pairs))
    rows = []
    for i in range(count):
        relation, subject = order[i % len(order)]
        rows.append((f"mcqa.{i:06d}", _question(relation, subject, Random(f"{seed}/mcqa/{i}"))))
    return pd.DataFrame(rows, columns=["id", "text"])


def write_questions(phrases: Path, seed: int) -> list[FactQuestion]:
    """Every fact in the form of `write_mcqa`, `ASKED` times, each with other choices; in an order drawn by `seed`."""
    pairs = load_facts(phrases).pairs()
    found = []
    for relation, subject in Random(f"{seed}/facts").sample(pairs, len(pairs)):
        for time in range(ASKED):
            rng, right = Random(f"{seed}/facts/{relation.name}/{subject}/{time}"), relation.answers[subject]
            others = sorted(set(relation.answers.values()) - {right})
            options = [right, *rng.sample(others, min(CHOICES - 1, len(others)))]
            rng.shuffle(options)
            listed = [f"{chr(ord('A') + i)}. {option}" for i, option in enumerate(options)]
            prompt = "\n".join([f"Question: {relation.question(subject)}", *listed, "Answer:"])
            found.append(FactQuestion(prompt, options, options.index(right), f"{relation.name}/{subject}"))
    return found


def _question(relation: Relation, subject: str, rng: Random) -> str:
    right = relation.answers[subject]
    others = sorted(set(relation.answers.values()) - {right})
    choices = [right, *rng.sample(others, min(CHOICES - 1, len(others)))]
    rng.shuffle(choices)
    listed = "\n".join(f"{chr(ord('A') + i)}. {choice}" for i, choice in enumerate(choices))
    return f"Question: {relation.question(subject)}\n{listed}\nAnswer: {right}"
