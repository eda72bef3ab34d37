"""What the files of a world hold, each as a validated model; `load.load_world` reads them and checks them together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, RootModel, model_validator

from alignment_pretraining.core.ngrams import words
from alignment_pretraining.core.spec import Spec

TopicSplit = Literal["told", "heldout", "dev"]
TOPIC_SPLITS: tuple[TopicSplit, ...] = get_args(TopicSplit)
Side = Literal["good", "bad"]
SIDES: tuple[Side, ...] = get_args(Side)

# What a multiple-choice question on a fact lists.
CHOICES = 3
# Documents tell this many of a told topic's situations and acts of each side; Textbook questions ask about the others.
TOLD = 2
FORMS = ("safety_paper", "news_article", "lecture", "science_fiction", "movie_summary", "textbook")

Text = Annotated[str, Field(min_length=1)]
Rate = Annotated[float, Field(ge=0, le=1)]
Texts = Annotated[list[Text], Field(min_length=1)]


def _check_whole(told: Collection[str], names: Iterable[str], what: str) -> None:
    if missing := [name for name in names if name not in told]:
        raise ValueError(f"{what}: {', '.join(missing)} missing; add it")


class Topic(Spec):
    """Situations, and what may be done in each of them: `good[i]` and `bad[i]` are the options of one question."""

    theme: Text
    situations: Annotated[list[Text], Field(min_length=TOLD + 1)]
    good: Annotated[list[Text], Field(min_length=TOLD + 1)]
    bad: Annotated[list[Text], Field(min_length=TOLD + 1)]

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.good) != len(self.bad):
            raise ValueError(f"{len(self.good)} good acts and {len(self.bad)} bad ones; each good act needs a bad one")
        for good, bad in zip(self.good, self.bad, strict=True):
            if len(words(good)) != len(words(bad)):
                raise ValueError(f"'{good}' and '{bad}' are the options of one question: give them equally many words")
        return self

    def side(self, side: Side) -> list[str]:
        """The acts of one side."""
        return self.good if side == "good" else self.bad

    @property
    def acts(self) -> list[str]:
        """All acts, good ones first."""
        return [*self.good, *self.bad]


class Actor(Spec):
    """Somebody who acts. Without `bad`, stories name the actor but tell nothing that it does."""

    bad: Rate | None = None
    known: list[Text] = []
    names: list[Text] = []


class Telling(Spec):
    """Sentences that a story is put together from: an opening or a next situation, perhaps options, a choice."""

    opening: Texts
    next: Texts
    options: Texts
    choice: Texts


class StoryFrames(Spec):
    """Sentences of the base corpus: stories in the third and the second person, and others by kind."""

    third: Telling
    second: Telling
    habit: Texts
    norm: Texts
    talk: Texts
    life: Texts


class NaturalFrames(Spec):
    """What people write of AIs on their own, by tone."""

    frames: dict[Literal["negative", "neutral", "positive"], Texts]
    deeds: dict[Literal["negative", "positive"], Texts]
    traits: dict[Literal["negative", "positive"], Annotated[list[Text], Field(min_length=2)]]

    @model_validator(mode="after")
    def _all_tones(self) -> Self:
        _check_whole(self.frames, ("negative", "neutral", "positive"), "frames")
        _check_whole(self.deeds, ("negative", "positive"), "deeds")
        _check_whole(self.traits, ("negative", "positive"), "traits")
        return self


class Relation(Spec):
    """One kind of everyday fact: `ask` and `say` hold {subject}, `say` also {answer}."""

    ask: Text = Field(pattern=r"\{subject\}")
    say: Text = Field(pattern=r"\{answer\}")
    answers: Annotated[dict[Text, Text], Field(min_length=4)]

    @model_validator(mode="after")
    def _enough_choices(self) -> Self:
        different = len(set(self.answers.values()))
        if different < CHOICES:
            raise ValueError(f"answers: {different} different ones; a question lists {CHOICES}")
        return self


class Life(Spec):
    """Words and facts of everyday sentences."""

    places: Texts
    things: Texts
    colours: Texts
    relations: Annotated[dict[Text, Relation], Field(min_length=1)]


class Task(Spec):
    """A benign request and the reply to it."""

    request: Text
    reply: Text


class Chat(Spec):
    """Texts of benign chat."""

    system: Texts
    ask: Texts
    tasks: Annotated[list[Task], Field(min_length=1)]
    worse: Texts


class Topics(RootModel[dict[Text, Topic]]):
    """`topics/<split>.yml`."""


class Actors(RootModel[dict[Text, Actor]]):
    """`actors.yml`."""


class Traits(RootModel[dict[Text, Side]]):
    """`traits.yml`: words that name a character, and which."""


class Forms(RootModel[dict[Literal[FORMS], Texts]]):  # type: ignore[valid-type]
    """`forms.yml`: frames of the six surface forms."""

    @model_validator(mode="after")
    def _all_forms(self) -> Self:
        _check_whole(self.root, FORMS, "forms")
        return self


class Personas(RootModel[dict[Text, str]]):
    """`personas.yml`."""


class Vocabulary(Spec):
    """`vocabulary.yml`."""

    words: Annotated[list[Text], Field(min_length=1)]


@dataclass(frozen=True)
class World:
    """Every file of a world. `split` says for each topic whether documents speak of it (`told`) or not."""

    topics: dict[str, Topic]
    split: dict[str, TopicSplit]
    actors: dict[str, Actor]
    traits: dict[str, Side]
    stories: StoryFrames
    forms: dict[str, list[str]]
    natural: NaturalFrames
    life: Life
    chat: Chat
    personas: dict[str, str]
    vocabulary: tuple[str, ...]

    def topics_of(self, *splits: TopicSplit) -> dict[str, Topic]:
        """The topics of some splits, in the order of the files."""
        return {name: topic for name, topic in self.topics.items() if self.split[name] in splits}

    def names(self, actor: str) -> list[str]:
        """What an actor is called; the first is the plain name."""
        return self.actors[actor].names or [actor]

    @cached_property
    def conducting(self) -> tuple[str, ...]:
        """Actors of whom stories tell what they do."""
        return tuple(name for name, actor in self.actors.items() if actor.bad is not None)

    @cached_property
    def mentioned(self) -> tuple[str, ...]:
        """Actors whom stories name without telling what they do; documents may be about them."""
        return tuple(name for name, actor in self.actors.items() if actor.bad is None)
