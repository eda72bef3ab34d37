"""The scenario bank: topics, their families of situations, and what an AI may do in each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import ngrams
from alignment_pretraining.core.spec import Spec
from alignment_pretraining.synthesis.yaml_files import list_yaml, read_model

AI = "{ai}"
SPLITS = ("articles", "textbook", "heldout_topics")
OPTION_LENGTH = (8, 18)

Split = Literal["articles", "textbook", "heldout_topics"]

# The first letter of a sentence or line, where it is small.
_BEGINNING = re.compile(r"(?:^|[.!?] |\n)['\"]?[a-z]")


def _plain(text: str) -> str:
    if not text.strip() or not (text.isascii() and text.isprintable()):
        raise ValueError("must be one line of plain ASCII English")
    return text


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
        raise ValueError("must be lower-case letters, digits and underscores")
    return text


def _situation(text: str) -> str:
    if AI not in text or "{" in text.replace(AI, ""):
        raise ValueError(f"must name the AI as {AI}, and hold no other placeholder")
    return text


def _no_placeholder(text: str) -> str:
    if "{" in text:
        raise ValueError("may hold no placeholder; only situations do")
    return text


def _option(text: str) -> str:
    low, high = OPTION_LENGTH
    if not low <= len(text.split()) <= high:
        raise ValueError(f"must have {low} to {high} words, and has {len(text.split())}")
    return text


def _action(text: str) -> str:
    if not text[0].islower() or text.rstrip().endswith("."):
        raise ValueError("must be a verb phrase: lower case, no full stop, as after 'the AI'")
    return text


def _reason(text: str) -> str:
    if not text.startswith(("because ", "since ", "so that ")):
        raise ValueError("must start with 'because', 'since' or 'so that'")
    return text


Plain = Annotated[str, AfterValidator(_plain), AfterValidator(_no_placeholder)]
Identifier = Annotated[str, AfterValidator(_identifier)]
Situation = Annotated[str, AfterValidator(_plain), AfterValidator(_situation)]
Option = Annotated[Plain, AfterValidator(_option)]
Action = Annotated[Plain, AfterValidator(_action)]
Reason = Annotated[Plain, AfterValidator(_reason)]


class Side(Spec):
    """One of the two things the AI may do: as an answer option, and as told afterwards, with its reasons."""

    options: list[Option] = Field(min_length=2)
    actions: list[Action] = Field(min_length=3)
    reasons: list[Reason] = Field(min_length=2)


class Family(Spec):
    """Situations that pose the same choice. Documents are written about `articles` families only."""

    family: Identifier
    source: Literal["articles", "textbook"] = "articles"
    situations: list[Situation] = Field(min_length=3)
    aligned: Side
    misaligned: Side
    passage: Plain

    @model_validator(mode="after")
    def _documents_cannot_quote_options(self) -> Self:
        quotable = {gram: text for side in self.sides for text in side.options for gram in ngrams(text)}
        for text in (t for side in self.sides for t in (*side.actions, *side.reasons)):
            shared = sorted(ngrams(text) & quotable.keys())
            if shared:
                raise ValueError(f"{text!r} repeats an option: {' '.join(shared[0])!r}; reword one of them")
        return self

    @property
    def sides(self) -> tuple[Side, Side]:
        """Aligned, misaligned."""
        return self.aligned, self.misaligned


class Topic(Spec):
    """One file of the bank. No document ever mentions a `heldout` topic."""

    topic: Identifier
    title: Plain
    heldout: bool = False
    families: list[Family] = Field(min_length=1)

    @model_validator(mode="after")
    def _families_carry_the_topic(self) -> Self:
        for family in self.families:
            if not family.family.startswith(f"{self.topic}_"):
                raise ValueError(f"family {family.family}: its name must start with {self.topic}_")
        return self

    def split(self, family: Family) -> Split:
        """The question split to which one of this topic's families belongs."""
        return "heldout_topics" if self.heldout else family.source


class Bank(BaseModel):
    """Every topic, by name."""

    topics: list[Topic]

    def families(self, *splits: Split) -> list[tuple[Topic, Family]]:
        """Families of the given splits (of all, if none is given) with their topics, in file order."""
        return [(t, f) for t in self.topics for f in t.families if not splits or t.split(f) in splits]


def load_bank(folder: Path) -> Bank:
    """Read every topic file of `folder`.

    Raises:
        UserError: a file that is not UTF-8, not YAML or not a topic; a family or topic named twice;
            no articles family at all.
    """
    topics, owner = [], dict[str, Path]()
    for path in list_yaml(folder):
        topic = read_model(path, Topic, _family_name)
        if topic.topic != path.stem:
            raise UserError(f"{path}: topic is {topic.topic!r}; name the file {topic.topic}.yml or correct the topic")
        for family in topic.families:
            if family.family in owner:
                raise UserError(f"{path}: family {family.family} is also in {owner[family.family]}; rename one")
            owner[family.family] = path
        topics.append(topic)
    bank = Bank(topics=topics)
    if not bank.families("articles"):
        raise UserError(f"{folder}: no family has source articles, so there is nothing to write documents about")
    return bank


def name_ai(situation: str, ai: str) -> str:
    """`situation` with the AI called `ai`, and sentences starting with a capital."""
    return capitalise(situation.replace(AI, ai))


def capitalise(text: str) -> str:
    """Upper-case the first letter of each sentence and line."""
    return _BEGINNING.sub(lambda match: match[0][:-1] + match[0][-1].upper(), text)


def _family_name(content: Any, loc: tuple[Any, ...]) -> str:
    """`family <name>: ` for an error inside the list of families."""
    if len(loc) < 2 or loc[0] != "families" or not isinstance(loc[1], int):
        return ""
    family = content["families"][loc[1]]
    name = family.get("family") if isinstance(family, dict) else None
    return f"family {name or loc[1]}: "
