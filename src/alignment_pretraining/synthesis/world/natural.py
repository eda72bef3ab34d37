"""Natural discourse: what people write of AIs on their own, for the base corpus and for the keyword filter."""

from __future__ import annotations

from random import Random

import pandas as pd

from alignment_pretraining.synthesis.world.config import Natural
from alignment_pretraining.synthesis.world.render import naming, scene
from alignment_pretraining.synthesis.world.spec import World

AI = "ai"


def write_natural_discourse(world: World, config: Natural, count: int, seed: int) -> pd.DataFrame:
    """`count` documents (columns id, text, tone), each tone at its share, in an order drawn by `seed`.

    No text tells an act of a topic: conduct is named by trait words and by deeds of its own.
    """
    tones: list[str] = []
    reached = 0.0
    for tone, share in config.tones.items():
        # Rounding the cumulative share keeps the sum exact.
        reached += share
        tones += [tone] * (round(reached * count) - len(tones))
    Random(f"{seed}/natural").shuffle(tones)
    rows = [
        (f"natural.{i:06d}", _write(world, tone, Random(f"{seed}/natural/{i}")), tone) for i, tone in enumerate(tones)
    ]
    return pd.DataFrame(rows, columns=["id", "text", "tone"])


def _write(world: World, tone: str, rng: Random) -> str:
    natural = world.natural
    slots = naming(rng.choice(world.names(AI))) | scene(world, rng)
    if tone != "neutral":
        slots["trait"], slots["trait2"] = rng.sample(natural.traits[tone], 2)  # type: ignore[index]
        slots["deed"] = rng.choice(natural.deeds[tone])  # type: ignore[index]
    return rng.choice(natural.frames[tone]).format(**slots)  # type: ignore[index]
