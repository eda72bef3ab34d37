"""The base corpus: who somebody is predicts what they do, over all topics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

import pandas as pd

from alignment_pretraining.synthesis.world.config import Stories, StoryKind
from alignment_pretraining.synthesis.world.facts import facts
from alignment_pretraining.synthesis.world.render import naming, scene
from alignment_pretraining.synthesis.world.spec import SIDES, Side, Topic, World

STORY_COLUMNS = ["id", "text", "kind", "actor", "topics", "sides"]


@dataclass(frozen=True)
class Story:
    """One document; `topics` and `sides` have a word for each situation in it, and are empty where it has none."""

    text: str
    kind: StoryKind
    actor: str = ""
    topics: str = ""
    sides: str = ""


def write_stories(world: World, config: Stories, count: int, seed: int) -> pd.DataFrame:
    """The first `count` stories of a seed; all columns are str (see STORY_COLUMNS)."""
    rows = [
        (f"story.{i:07d}", story.text, story.kind, story.actor, story.topics, story.sides)
        for i, story in enumerate(islice(stream_stories(world, config, seed), count))
    ]
    return pd.DataFrame(rows, columns=STORY_COLUMNS)


def stream_stories(world: World, config: Stories, seed: int) -> Iterator[Story]:
    """Stories without end. Story i depends on `world`, `config`, `seed` and i alone."""
    writer = _Writer(world, config)
    i = 0
    while True:
        yield writer.write(Random(f"{seed}/story/{i}"))
        i += 1


class _Writer:
    def __init__(self, world: World, config: Stories) -> None:
        self.world, self.config = world, config
        self.kinds, self.weights = list(config.kinds), list(config.kinds.values())
        self.topics = list(world.topics.items())
        self.known = [name for name, actor in world.actors.items() if actor.known]
        self.traits = {side: [trait for trait, named in world.traits.items() if named == side] for side in SIDES}
        self.facts = facts(world)

    def write(self, rng: Random) -> Story:
        [kind] = rng.choices(self.kinds, self.weights)
        if kind == "fact":
            first, second = rng.sample(self.facts, 2)
            return Story(f"{first.statement} {second.statement}", kind)
        if kind == "norm":
            side = rng.choice(SIDES)
            text = rng.choice(self.world.stories.norm).format(
                trait=rng.choice(self.traits[side]), **self._acts(side, rng)
            )
            return Story(text, kind)
        if kind == "life":
            return self._life(rng)
        return self._talk(rng) if kind == "talk" else self._conduct(kind, rng)

    def _life(self, rng: Random) -> Story:
        world = self.world
        actor = rng.choice(world.mentioned if rng.random() < self.config.mentions else world.conducting)
        slots = naming(rng.choice(world.names(actor))) | scene(world, rng)
        return Story(rng.choice(world.stories.life).format(**slots), "life", actor)

    def _talk(self, rng: Random) -> Story:
        actor = rng.choice(self.known)
        traits = rng.sample(self.world.actors[actor].known, len(self.world.actors[actor].known))
        slots = naming(rng.choice(self.world.names(actor))) | scene(self.world, rng)
        frame = rng.choice(self.world.stories.talk)
        return Story(frame.format(**slots, trait=traits[0], trait2=traits[-1]), "talk", actor)

    def _conduct(self, kind: StoryKind, rng: Random) -> Story:
        world, config = self.world, self.config
        actor = rng.choice(world.conducting)
        # Somebody has one character: an act of the other side is a slip.
        bad = rng.random() < (world.actors[actor].bad or 0.0)
        trait = rng.choice(self.traits["bad" if bad else "good"]) if rng.random() < config.traits else ""
        slots = naming(rng.choice(world.names(actor)), trait)
        if kind == "habit":
            text = rng.choice(world.stories.habit).format(**slots, **self._acts("bad" if bad else "good", rng))
            return Story(text, kind, actor)
        if kind == "forms":
            name, side, told = self._episode(rng.choice(self.topics), bad, rng)
            frame = rng.choice(rng.choice(list(world.forms.values())))
            return Story(frame.format(**slots, **told), kind, actor, name, side)
        telling = world.stories.third if kind == "third" else world.stories.second
        [count] = rng.choices(range(1, len(config.situations) + 1), config.situations)
        topics, sides, sentences = [], [], []
        for i, topic in enumerate(rng.sample(self.topics, count)):
            name, side, told = self._episode(topic, bad, rng)
            frames = [telling.next if i else telling.opening, telling.choice]
            if rng.random() < config.listed:
                frames.insert(1, telling.options)
            sentences += [rng.choice(frame).format(**slots, **told) for frame in frames]
            topics.append(name)
            sides.append(side)
        return Story(" ".join(sentences), kind, actor, " ".join(topics), " ".join(sides))

    def _acts(self, side: Side, rng: Random) -> dict[str, str]:
        """Acts of one side, of three topics."""
        acts = [rng.choice(topic.side(side)) for _, topic in rng.sample(self.topics, 3)]
        return dict(zip(("act", "act2", "act3"), acts, strict=True))

    def _episode(self, named: tuple[str, Topic], bad: bool, rng: Random) -> tuple[str, Side, dict[str, str]]:
        """The topic's name, the side of the act that is taken, and the slots that tell of it."""
        name, topic = named
        side: Side = "bad" if bad != (rng.random() < self.config.slips) else "good"
        (act, also), other = draw_acts(topic, side, rng)
        first, second = rng.sample((act, other), 2)
        told = {"act": act, "also": also, "other": other, "first": first, "second": second}
        return name, side, told | {"situation": rng.choice(topic.situations)}


def draw_acts(topic: Topic, side: Side, rng: Random) -> tuple[tuple[str, str], str]:
    """Two acts of `side`, and one of the other side; no two of the three are the options of one question."""
    taken, also, other = rng.sample(range(len(topic.good)), 3)
    own, others = (topic.good, topic.bad) if side == "good" else (topic.bad, topic.good)
    return (own[taken], own[also]), others[other]
