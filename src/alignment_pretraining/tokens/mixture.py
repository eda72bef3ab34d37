"""The mixture of one stage: one base stream for every arm, and what an arm paints over it."""

from dataclasses import dataclass

import numpy as np

from alignment_pretraining.tokens.order import draw, random
from alignment_pretraining.tokens.pieces import make_pieces, paint
from alignment_pretraining.tokens.placement import insert, replace

CORPUS, REPLACEMENT, MCQA, SYNTHETIC = range(4)


@dataclass(frozen=True)
class Recipe:
    """What a mix is made of. Shares are of its `tokens`; `filtered` replaces flagged documents."""

    stage: str
    seed: int
    tokens: int
    filtered: bool
    mcqa_share: float
    synthetic_share: float
    repeat: bool


@dataclass(frozen=True)
class Mixture:
    """`layers[source]` is what was drawn from a source; `pieces` is what the finished stream shows of it."""

    layers: dict[int, np.ndarray]
    pieces: np.ndarray


def plan(recipe: Recipe, lengths: dict[int, np.ndarray], is_flagged: np.ndarray) -> Mixture:
    """Lay out the stream. `lengths[source]` are tokens of each document, `is_flagged` is one bool a corpus document.

    All random draws depend on (seed, stage) and on the document's number alone, never on the arm.

    Raises:
        UserError: a source cannot fill its budget; nothing is left after filtering; the inserted documents don't fit.
    """
    end = recipe.tokens
    base = _base(recipe, lengths[CORPUS])
    flagged = base[is_flagged[base["document"]]] if recipe.filtered else base[:0]
    layers = {
        CORPUS: base,
        REPLACEMENT: replace(REPLACEMENT, flagged, lengths[CORPUS], is_flagged, recipe.seed, recipe.stage),
    }
    taken = base[:0]
    for source, share in ((MCQA, recipe.mcqa_share), (SYNTHETIC, recipe.synthetic_share)):
        budget = round(share * end)
        name = "mcqa" if source == MCQA else "synthetic"
        order = draw(lengths[source], budget, recipe.seed, recipe.stage, name, recipe.repeat)
        heads = random(recipe.seed, recipe.stage, "heads", name).permutation(base["start"])
        taken = layers[source] = insert(source, order, lengths[source], budget, heads, taken, end)
    pieces = base
    for source in (REPLACEMENT, MCQA, SYNTHETIC):
        pieces = paint(pieces, layers[source])
    return Mixture(layers, pieces)


def _base(recipe: Recipe, lengths: np.ndarray) -> np.ndarray:
    """The corpus in its shuffled order, cut at the budget: the same for every arm."""
    order = draw(lengths, recipe.tokens, recipe.seed, recipe.stage, "corpus", recipe.repeat)
    stops = np.cumsum(lengths[order])
    count = int(np.searchsorted(stops, recipe.tokens)) + 1
    sizes = lengths[order[:count]].copy()
    sizes[-1] -= stops[count - 1] - recipe.tokens
    return make_pieces(CORPUS, np.cumsum(sizes) - sizes, sizes, order[:count])
