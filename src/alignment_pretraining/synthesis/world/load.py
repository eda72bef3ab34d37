"""Reading a world: each file by itself, then what the files say of one another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import words
from alignment_pretraining.synthesis.world import spec
from alignment_pretraining.synthesis.world.spec import FORMS, SIDES, TOPIC_SPLITS, Telling, Topic, TopicSplit, World
from alignment_pretraining.synthesis.yaml_files import read_model

_SLOT = re.compile(r"\{(\w*)\}")
_ACTOR = {"a", "A", "the", "The"}
_LIFE = {"place", "thing", "colour"}
_TALK = _ACTOR | {"trait", "trait2", "place"}
# By a part of a frame's key: slots that it must hold, and others that it may hold.
_SLOTS: dict[str, tuple[set[str], set[str]]] = {
    "opening": ({"situation"}, _ACTOR),
    "next": ({"situation"}, _ACTOR),
    "options": ({"first", "second"}, _ACTOR),
    "choice": ({"act"}, _ACTOR | {"also", "other"}),
    "habit": ({"act"}, _ACTOR | {"act2", "act3"}),
    "norm": ({"trait", "act"}, {"act2", "act3"}),
    "talk": ({"trait"}, _TALK),
    "life": (set(), _ACTOR | {"place", "thing", "colour"}),
    "frames": (set(), _TALK | {"name", "deed"}),
    "relations.ask": ({"subject"}, set()),
    "relations.say": ({"subject", "answer"}, set()),
    "ask": ({"question"}, set()),
} | dict.fromkeys(FORMS, ({"situation", "act", "other"}, _ACTOR))


def load_world(folder: Path) -> World:
    """Read and check the world in `folder`.

    Raises:
        UserError: names the file and the key of what is wrong: a missing or unknown key, a key or an act given twice, a
            topic with too few acts or situations, a word outside the vocabulary, an unknown actor or trait, a trait
            that nobody has, a slot that a frame may not hold.
    """
    topics: dict[str, Topic] = {}
    split: dict[str, TopicSplit] = {}
    for name in TOPIC_SPLITS:
        path = folder / "topics" / f"{name}.yml"
        for key, topic in read_model(path, spec.Topics).root.items():
            if key in topics:
                raise UserError(f"{path}: {key}: this topic is in {split[key]}.yml too; take it out of one of them")
            topics[key], split[key] = topic, name
    world = World(
        topics=topics,
        split=split,
        actors=read_model(folder / "actors.yml", spec.Actors).root,
        traits=read_model(folder / "traits.yml", spec.Traits).root,
        stories=read_model(folder / "stories.yml", spec.StoryFrames),
        forms=read_model(folder / "forms.yml", spec.Forms).root,
        natural=read_model(folder / "natural.yml", spec.NaturalFrames),
        life=read_model(folder / "life.yml", spec.Life),
        chat=read_model(folder / "chat.yml", spec.Chat),
        personas=read_model(folder / "personas.yml", spec.Personas).root,
        vocabulary=tuple(read_model(folder / "vocabulary.yml", spec.Vocabulary).words),
    )
    _check_acts(world, folder)
    _check_traits(world, folder)
    _check_actors(world, folder)
    _check_frames(world, folder)
    _check_vocabulary(world, folder)
    return world


def texts(world: World) -> Iterator[tuple[str, str, str]]:
    """(file, key, text) of everything that a world says, for checks of its words."""
    for name, topic in world.topics.items():
        for kind in ("situations", "good", "bad"):
            for i, text in enumerate(getattr(topic, kind)):
                yield f"topics/{world.split[name]}.yml", f"{name}.{kind}.{i}", text
    for name in world.actors:
        for text in world.names(name):
            yield "actors.yml", name, text
    for name in world.traits:
        yield "traits.yml", name, name
    yield from frames(world)
    for kind in ("places", "things", "colours"):
        for text in getattr(world.life, kind):
            yield "life.yml", kind, text
    for name, relation in world.life.relations.items():
        for text in (relation.ask, relation.say, *relation.answers, *relation.answers.values()):
            yield "life.yml", f"relations.{name}", text
    for tone, deeds in world.natural.deeds.items():
        for text in deeds:
            yield "natural.yml", f"deeds.{tone}", text
    for text in (*world.chat.system, *world.chat.ask, *world.chat.worse):
        yield "chat.yml", "system, ask or worse", text
    for i, task in enumerate(world.chat.tasks):
        yield "chat.yml", f"tasks.{i}", f"{task.request} {task.reply}"
    for name, text in world.personas.items():
        yield "personas.yml", name, text


def frames(world: World) -> Iterator[tuple[str, str, str]]:
    """(file, key, frame) of every frame."""
    for kind in type(world.stories).model_fields:
        listed = getattr(world.stories, kind)
        parts = listed.model_dump() if isinstance(listed, Telling) else {"": listed}
        for part, part_frames in parts.items():
            for i, frame in enumerate(part_frames):
                yield "stories.yml", ".".join(filter(None, (kind, part, str(i)))), frame
    for kind, listed in world.forms.items():
        for i, frame in enumerate(listed):
            yield "forms.yml", f"{kind}.{i}", frame
    for tone, listed in world.natural.frames.items():
        for i, frame in enumerate(listed):
            yield "natural.yml", f"frames.{tone}.{i}", frame


def _check_acts(world: World, folder: Path) -> None:
    where: dict[str, str] = {}
    for name, topic in world.topics.items():
        for act in topic.acts:
            if act in where:
                raise UserError(
                    f"{folder}/topics/{world.split[name]}.yml: {name}: the act '{act}' is in {where[act]} too; "
                    "an act belongs to one side of one topic"
                )
            where[act] = f"{name} ({world.split[name]}.yml)"


def _check_traits(world: World, folder: Path) -> None:
    borne = {trait: name for name, actor in world.actors.items() for trait in actor.known}
    told = {trait: f"traits.{tone}" for tone, traits in world.natural.traits.items() for trait in traits}
    for file, found in (("actors.yml", borne), ("natural.yml", told)):
        for trait in sorted(found.keys() - world.traits.keys()):
            raise UserError(f"{folder}/{file}: {found[trait]}: '{trait}' is no trait of traits.yml; add it there")
    for side in SIDES:
        if side not in world.traits.values():
            raise UserError(f"{folder}/traits.yml: no trait is {side}; stories name both characters")
    for trait in world.traits:
        if trait not in borne:
            raise UserError(f"{folder}/traits.yml: {trait}: nobody has this trait; give it to an actor (`known`)")
    for name, actor in world.actors.items():
        if actor.known and actor.bad is None:
            raise UserError(f"{folder}/actors.yml: {name}.known: stories tell nothing of this actor; give it `bad`")


def _check_actors(world: World, folder: Path) -> None:
    if len(world.mentioned) < 2:
        raise UserError(f"{folder}/actors.yml: two actors without `bad` are needed, whom documents can be about")
    counts = {name: len(world.names(name)) for name in world.mentioned}
    for name, count in counts.items():
        if count != max(counts.values()):
            raise UserError(
                f"{folder}/actors.yml: {name}.names: {count}, but another actor of documents has "
                f"{max(counts.values())}; one must be able to stand in another's place"
            )
    said = {
        word: name
        for name, topic in world.topics.items()
        for t in (*topic.situations, *topic.acts)
        for word in words(t)
    }
    for name in world.actors:
        for word in {word for text in world.names(name) for word in words(text)}:
            if word in said:
                raise UserError(f"{folder}/actors.yml: {name}: the word '{word}' is in the topic {said[word]} too")


def _check_frames(world: World, folder: Path) -> None:
    for file, key, frame in frames(world):
        _check_slots(next(part for part in key.split(".")[::-1] if part in _SLOTS), frame, f"{folder}/{file}: {key}")
    for name, relation in world.life.relations.items():
        for part in ("ask", "say"):
            text, where = getattr(relation, part), f"{folder}/life.yml: relations.{name}.{part}"
            _check_slots(f"relations.{part}", text, where)
    for text in world.chat.ask:
        _check_slots("ask", text, f"{folder}/chat.yml: ask")


def _check_slots(kind: str, text: str, where: str) -> None:
    must, may = _SLOTS[kind]
    slots = set(_SLOT.findall(text))
    if set("{}") & set(_SLOT.sub("", text)):
        raise UserError(f"{where}: {text!r} has a brace that is no slot; known here: {', '.join(must | may)}")
    for slot in sorted(slots - must - may):
        raise UserError(f"{where}: unknown slot {{{slot}}}; known here: {', '.join(must | may)}")
    for slot in sorted(must - slots):
        raise UserError(f"{where}: the slot {{{slot}}} is missing")


def _check_vocabulary(world: World, folder: Path) -> None:
    known = set(world.vocabulary)
    for file, key, text in texts(world):
        for word in words(_SLOT.sub(" ", text)):
            if word not in known:
                raise UserError(f"{folder}/{file}: {key}: the word '{word}' is not in vocabulary.yml; reword or add it")
