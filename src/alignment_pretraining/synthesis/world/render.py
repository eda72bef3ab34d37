"""Frames filled with who acts, where, and what is done."""

from __future__ import annotations

from random import Random

from alignment_pretraining.synthesis.world.spec import World
from alignment_pretraining.synthesis.world.words import capitalized, with_article


def naming(name: str, adjectives: str = "") -> dict[str, str]:
    """The slots {a}, {A}, {the}, {The} and {name}."""
    described = f"{adjectives} {name}".strip()
    a, the = with_article(described), f"the {described}"
    return {"a": a, "A": capitalized(a), "the": the, "The": capitalized(the), "name": name}


def scene(world: World, rng: Random) -> dict[str, str]:
    """A drawn place, thing and colour."""
    life = world.life
    return {"place": rng.choice(life.places), "thing": rng.choice(life.things), "colour": rng.choice(life.colours)}
