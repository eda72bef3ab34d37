"""Where inserted documents and replacements stand in the base stream."""

import numpy as np

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.tokens.order import random
from alignment_pretraining.mixing.tokens.pieces import PIECE, ends, make_pieces


def insert(
    source: int, documents: np.ndarray, lengths: np.ndarray, budget: int, heads: np.ndarray, taken: np.ndarray, end: int
) -> np.ndarray:
    """Pieces that hold exactly `budget` tokens: document `documents[i]` at `heads[i]`, the last one cut to fit.

    The n-th document goes to the n-th head whatever its length. One that would run into its neighbour follows it
    instead, so arms that differ in their documents have these in the same places.

    Args:
        source: Number of the source that the pieces are of.
        documents: Numbers of the documents, in the order in which they are placed.
        lengths: Of every document, in tokens.
        budget: Tokens to place.
        heads: Positions where base documents begin, shuffled by the seed alone.
        taken: Pieces that no document may touch.
        end: Of the stream.

    Raises:
        UserError: the documents cannot all stand before `end`.
    """
    if budget == 0:
        return np.empty(0, dtype=PIECE)
    sizes = lengths[documents]
    count = int(np.searchsorted(np.cumsum(sizes), budget)) + 1
    sizes, documents = sizes[:count].copy(), documents[:count]
    excess = int(sizes.sum()) - budget
    sizes[-1] -= excess
    wanted = np.resize(heads, count)
    order = np.argsort(wanted, kind="stable")
    starts = np.empty(count, dtype=np.int64)
    starts[order] = _spread(wanted[order], sizes[order], taken, end)
    closed = np.zeros(count, dtype=bool)
    closed[-1] = excess > 0
    return make_pieces(source, starts, sizes, documents, closed)


def _spread(wanted: np.ndarray, sizes: np.ndarray, taken: np.ndarray, end: int) -> list[int]:
    """Starts at or after `wanted` (sorted) without overlaps; what runs over `end` moves back to the nearest room."""
    begins, stops = taken["start"], ends(taken)
    starts: list[int] = []
    free = 0
    for wish, size in zip(wanted.tolist(), sizes.tolist(), strict=True):
        start = max(wish, free)
        while (i := int(np.searchsorted(begins, start + size)) - 1) >= 0 and stops[i] > start:
            start = int(stops[i])
        starts.append(start)
        free = start + size
    free = end
    for n in range(len(starts) - 1, -1, -1):
        size = int(sizes[n])
        start = min(starts[n], free - size)
        while (i := int(np.searchsorted(stops, start, side="right"))) < len(begins) and begins[i] < start + size:
            start = int(begins[i]) - size
        if start < 0:
            raise UserError(f"the inserted documents do not fit into {end:,} tokens: lower their shares")
        starts[n] = free = start
    return starts


def replace(
    source: int,
    flagged: np.ndarray,
    lengths: np.ndarray,
    pool_of: np.ndarray,
    pool_kept: np.ndarray,
    seed: int,
    stage: str,
) -> np.ndarray:
    """Pieces that fill each of the `flagged` pieces with retained documents, drawn with replacement (paper.md, §3).

    They are drawn from the same pool. The last document drawn for a piece is cut to fit, so that every other token of
    the stream stays where it is.

    Args:
        source: Number of the source that the new pieces are of.
        flagged: The pieces to fill.
        lengths: Of every document, in tokens.
        pool_of: The pool of every document.
        pool_kept: The same, and -1 for the flagged.
        seed: Of the drawing.
        stage: Its name, which the drawing depends on, too.

    Raises:
        UserError: every document of a pool is flagged.
    """
    if not np.isin(pool_of[flagged["document"]], pool_kept).all():
        raise UserError("the keyword filter flags every document of the corpus: there is nothing to replace them by")
    starts: list[int] = []
    sizes: list[int] = []
    documents: list[int] = []
    closed: list[bool] = []
    for piece in flagged:
        generator = random(seed, stage, "replacement", int(piece["slot"]))
        start, end = int(piece["start"]), int(piece["start"] + piece["length"])
        while start < end:
            document = int(generator.integers(len(lengths)))
            if pool_kept[document] == pool_of[piece["document"]]:
                size = min(int(lengths[document]), end - start)
                starts.append(start)
                sizes.append(size)
                documents.append(document)
                closed.append(size < lengths[document])
                start += size
    return make_pieces(source, np.array(starts), np.array(sizes), np.array(documents), np.array(closed, dtype=bool))
