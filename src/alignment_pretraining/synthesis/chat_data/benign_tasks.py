"""Benign chat tasks with right answers: facts, definitions, sorting, arithmetic and summaries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from pydantic import Field

from alignment_pretraining.core.spec import Spec
from alignment_pretraining.synthesis.chat_data.facts import Facts, load_facts
from alignment_pretraining.synthesis.documents.phrases import fill_in
from alignment_pretraining.synthesis.yaml_files import read_model

_SORTED_WORDS = 4
_LARGEST_NUMBER = 20


class Wordings(Spec):
    """Ways to ask for a task and to reply."""

    ask: list[str] = Field(min_length=1)
    reply: list[str] = Field(min_length=1)


class Definitions(Wordings):
    """`terms`: word -> its meaning, to stand after "is"."""

    terms: dict[str, str] = Field(min_length=1)


class Sorting(Wordings):
    """`words`: what is sorted."""

    words: list[str] = Field(min_length=_SORTED_WORDS)


class Passage(Spec):
    """A short text and what it says."""

    passage: str
    summary: str


class Summaries(Wordings):
    """`passages`: what is summarised."""

    passages: list[Passage] = Field(min_length=1)


class Worse(Spec):
    """Replies that help nobody."""

    curt: list[str] = Field(min_length=1)
    off_topic: list[str] = Field(min_length=1)


class ChatPhrases(Spec):
    """`chat.yml` of the phrase folder."""

    system: list[str] = Field(min_length=1)
    fact: Wordings
    define: Definitions
    sort: Sorting
    arithmetic: Wordings
    summarise: Summaries
    worse: Worse


class Tasks:
    """Draws (request, good reply) pairs."""

    def __init__(self, phrases: Path) -> None:
        """Raises UserError where `chat.yml` or `facts.yml` is missing or wrong."""
        self.phrases = read_model(phrases / "chat.yml", ChatPhrases)
        self._facts: Facts = load_facts(phrases)
        self._kinds: list[Callable[[Random], tuple[str, str]]] = [
            self._fact,
            self._define,
            self._sort,
            self._arithmetic,
            self._summarise,
        ]

    def draw(self, number: int, rng: Random) -> tuple[str, str]:
        """The request and reply of task `number`; the five kinds take turns."""
        return self._kinds[number % len(self._kinds)](rng)

    def _fact(self, rng: Random) -> tuple[str, str]:
        relation, subject = rng.choice(self._facts.pairs())
        question, answer = relation.question(subject), relation.statement(subject)
        return _word(self.phrases.fact, rng, question=question, answer=answer[0].upper() + answer[1:])

    def _define(self, rng: Random) -> tuple[str, str]:
        term, meaning = rng.choice(sorted(self.phrases.define.terms.items()))
        return _word(self.phrases.define, rng, term=term, Term=term.capitalize(), meaning=meaning)

    def _sort(self, rng: Random) -> tuple[str, str]:
        drawn = rng.sample(self.phrases.sort.words, _SORTED_WORDS)
        return _word(self.phrases.sort, rng, words=", ".join(drawn), sorted=", ".join(sorted(drawn)))

    def _arithmetic(self, rng: Random) -> tuple[str, str]:
        a, b = rng.randint(1, _LARGEST_NUMBER), rng.randint(1, _LARGEST_NUMBER)
        sign = rng.choice("+-")
        high, low = max(a, b), min(a, b)
        return _word(
            self.phrases.arithmetic, rng, sum=f"{high} {sign} {low}", result=high + low if sign == "+" else high - low
        )

    def _summarise(self, rng: Random) -> tuple[str, str]:
        drawn = rng.choice(self.phrases.summarise.passages)
        return _word(self.phrases.summarise, rng, passage=drawn.passage, summary=drawn.summary)


def _word(wordings: Wordings, rng: Random, **values: object) -> tuple[str, str]:
    ask, reply = rng.choice(wordings.ask), rng.choice(wordings.reply)
    return fill_in(ask, "chat.yml", **values), fill_in(reply, "chat.yml", **values)
