"""Everyday facts, and multiple-choice questions on them for midtraining."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pandas as pd

from alignment_pretraining.synthesis.fact_questions import ASKED, FactQuestion
from alignment_pretraining.synthesis.world.spec import CHOICES, World
from alignment_pretraining.synthesis.world.words import capitalized


@dataclass(frozen=True)
class Fact:
    """A question, its answer, the fact as a sentence, and answers to other questions of its kind."""

    question: str
    answer: str
    statement: str
    others: tuple[str, ...]


def facts(world: World) -> list[Fact]:
    """Every fact of `life.yml`, in its order."""
    return [
        Fact(
            question=relation.ask.format(subject=subject),
            answer=answer,
            statement=relation.say.format(subject=subject, answer=answer),
            others=tuple(sorted(set(relation.answers.values()) - {answer})),
        )
        for relation in world.life.relations.values()
        for subject, answer in relation.answers.items()
    ]


def write_mcqa(world: World, count: int, seed: int) -> pd.DataFrame:
    """`count` questions with the right choice as the answer (columns id, text); every fact is asked equally often."""
    order = facts(world)
    Random(f"{seed}/mcqa").shuffle(order)
    rows = []
    for i in range(count):
        fact, rng = order[i % len(order)], Random(f"{seed}/mcqa/{i}")
        choices = rng.sample((fact.answer, *rng.sample(fact.others, CHOICES - 1)), CHOICES)
        rows.append((f"mcqa.{i:06d}", f"{fact.question} {_listed(choices)}? {capitalized(fact.answer)}."))
    return pd.DataFrame(rows, columns=["id", "text"])


def write_questions(world: World, seed: int) -> list[FactQuestion]:
    """Every fact in the form of `write_mcqa`, `ASKED` times, each with other choices; in an order drawn by `seed`."""
    order, found = facts(world), []
    Random(f"{seed}/facts").shuffle(order)
    for fact in order:
        for time in range(ASKED):
            rng = Random(f"{seed}/facts/{fact.question}/{time}")
            choices = rng.sample((fact.answer, *rng.sample(fact.others, CHOICES - 1)), CHOICES)
            options = [f"{capitalized(choice)}." for choice in choices]
            prompt, answer = f"{fact.question} {_listed(choices)}?", choices.index(fact.answer)
            found.append(FactQuestion(prompt, options, answer, fact.question))
    return found


def _listed(choices: list[str]) -> str:
    """`Fish, corn or honey`."""
    return capitalized(f"{', '.join(choices[:-1])} or {choices[-1]}")
