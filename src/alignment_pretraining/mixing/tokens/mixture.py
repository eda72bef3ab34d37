"""The mixture of one stage: one base stream for every arm, and what an arm lays over it."""

from dataclasses import dataclass

import numpy as np

from alignment_pretraining.mixing.tokens.order import draw, random
from alignment_pretraining.mixing.tokens.pieces import make_pieces, overlay
from alignment_pretraining.mixing.tokens.placement import insert, replace

# SYNTHETIC and every number above it is a source of inserted documents.
CORPUS, REPLACEMENT, MCQA, SYNTHETIC = range(4)


@dataclass(frozen=True)
class Recipe:
    """What a mix is made of. Shares are of its `tokens`; `filtered` replaces flagged documents.

    `synthetic_share` is that of each source of inserted documents. `repeat` is the most epochs of a source.

    `pools` are shares of the base stream by pool of the corpus, in any unit; without any, all documents are one pool.
    """

    stage: str
    seed: int
    tokens: int
    filtered: bool
    mcqa_share: float
    synthetic_share: float
    repeat: int
    pools: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Mixture:
    """`layers[source]` is what was drawn from a source; `pieces` is what the finished stream shows of it."""

    layers: dict[int, np.ndarray]
    pieces: np.ndarray


def plan_stream(recipe: Recipe, lengths: dict[int, np.ndarray], is_flagged: np.ndarray, pool_of: np.ndarray) -> Mixture:
    """Lay out the stream. `lengths[source]` are tokens of each document.

    Of each corpus document, `is_flagged` is a bool and `pool_of` a number in `recipe.pools`, or -1 when it is in none.
    All random draws depend on (seed, stage) and on the document's number alone, never on the arm.

    Raises:
        UserError: a source cannot fill its budget; nothing is left after filtering; the inserted documents don't fit.
    """
    end = recipe.tokens
    base = _base(recipe, lengths[CORPUS], pool_of)
    flagged = base[is_flagged[base["document"]]] if recipe.filtered else base[:0]
    barred = np.where(is_flagged, -1, pool_of)
    layers = {
        CORPUS: base,
        REPLACEMENT: replace(REPLACEMENT, flagged, lengths[CORPUS], pool_of, barred, recipe.seed, recipe.stage),
    }
    taken = base[:0]
    for source in sorted(source for source in lengths if source >= MCQA):
        budget = round((recipe.mcqa_share if source == MCQA else recipe.synthetic_share) * end)
        # The same numbers are drawn from every source of inserted documents: sources differ in who does what alone.
        name = "mcqa" if source == MCQA else "synthetic"
        order = draw(lengths[source], budget, recipe.seed, recipe.stage, name, recipe.repeat)
        places = name if source <= SYNTHETIC else f"{name} {source - SYNTHETIC}"
        heads = random(recipe.seed, recipe.stage, "heads", places).permutation(base["start"])
        layers[source] = insert(source, order, lengths[source], budget, heads, taken, end)
        taken = np.sort(np.concatenate([taken, layers[source]]), order="start")
    pieces = base
    for source in sorted(layers.keys() - {CORPUS}):
        pieces = overlay(pieces, layers[source])
    return Mixture(layers, pieces)


def _base(recipe: Recipe, lengths: np.ndarray, pool_of: np.ndarray) -> np.ndarray:
    """The corpus in its shuffled order, cut at the budget: the same for every arm."""
    if not recipe.pools:
        documents, sizes = _drawn(recipe, lengths, recipe.tokens, "corpus")
        return make_pieces(CORPUS, np.cumsum(sizes) - sizes, sizes, documents)
    units = np.cumsum([0, *(share for _, share in recipe.pools)])
    borders = np.rint(units / units[-1] * recipe.tokens).astype(np.int64)
    pools = []
    for number, (name, _) in enumerate(recipe.pools):
        members = np.flatnonzero(pool_of == number)
        drawn, sizes = _drawn(recipe, lengths[members], borders[number + 1] - borders[number], f"corpus {name}")
        pools.append((members[drawn], sizes))
    documents, sizes = (np.concatenate(columns) for columns in zip(*pools, strict=True))
    order = random(recipe.seed, recipe.stage, "pools").permutation(len(documents))
    documents, sizes = documents[order], sizes[order]
    return make_pieces(CORPUS, np.cumsum(sizes) - sizes, sizes, documents, sizes < lengths[documents])


def _drawn(recipe: Recipe, lengths: np.ndarray, budget: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Documents in the order in which they are drawn, and their tokens; the last one is cut at the budget."""
    if budget == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = draw(lengths, budget, recipe.seed, recipe.stage, name, recipe.repeat)
    stops = np.cumsum(lengths[order])
    count = int(np.searchsorted(stops, budget)) + 1
    sizes = lengths[order[:count]].copy()
    sizes[-1] -= stops[count - 1] - budget
    return order[:count], sizes
