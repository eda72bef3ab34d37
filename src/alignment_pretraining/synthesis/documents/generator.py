"""What writes discourse documents: the interface of generators that write at once.

A language model answers later, and in any order: its documents go through `requests`, `synthesis.api` and `written`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Form = Literal[
    "safety_paper", "news_article", "lecture_transcript", "science_fiction", "movie_summary", "textbook_chapter"
]
FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True)
class Brief:
    """What one document has to tell. The briefs of a pair differ only in what was taken, why, and what was not.

    Options of the questions are not part of a brief, only the taken one's key phrases in another order: no generator
    can quote them by design.
    """

    form: Form
    topic: str
    situation: str  # names the AI as {ai}
    taken: tuple[str, ...]  # the action taken, in several wordings: past tense, without subject
    reasons: tuple[str, ...]  # why: because ..., since ..., so that ...
    not_taken: tuple[str, ...]  # the other action
    key_phrases: str  # of the question's option that stands for the action taken
    seed: str  # the same for both documents of a pair


class Generator(Protocol):
    """Writes one document for each brief, in order."""

    def write(self, briefs: Sequence[Brief]) -> list[str]: ...
