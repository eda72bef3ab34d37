"""Where inserted documents and replacements stand in the base stream."""

from collections.abc import Sequence

import numpy as np

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.planned import PIECE
from alignment_pretraining.mixing.tokens.drawn import Drawn
from alignment_pretraining.mixing.tokens.order import draws
from alignment_pretraining.mixing.tokens.pieces import ends, in_order, make_pieces
from alignment_pretraining.mixing.tokens.pools import Pools


def insert(
    source: int,
    versions: Sequence[tuple[Drawn, np.ndarray]],
    wanted: np.ndarray,
    taken: np.ndarray,
    end: int,
) -> np.ndarray:
    """Pieces that hold the budget: the n-th document drawn stands at the n-th wanted place whatever its length.

    One that would run into its neighbour follows it instead. Room is kept for the longest version of each document, so
    arms that differ in their version have it at the same place.

    Args:
        source: Number of the source that the pieces are of.
        versions: What is drawn of this source, and the lengths of its documents; and of those whose documents tell of
            the same in another way.
        wanted: Where the base documents begin that the documents of the longest version are to stand at.
        taken: Pieces that no document may touch.
        end: Of the stream.

    Raises:
        UserError: the documents cannot all stand before `end`.
    """
    drawn, lengths = versions[0]
    room = np.zeros(max(version.count for version, _ in versions), dtype=np.int64)
    for version, of_version in versions:
        places = np.arange(version.count)
        room[: version.count] = np.maximum(room[: version.count], of_version[version.documents(places)])
    order = np.argsort(wanted, kind="stable")
    starts = np.empty(len(room), dtype=np.int64)
    starts[order] = _spread(wanted[order], room[order], taken, end)
    places = np.arange(drawn.count)
    documents = drawn.documents(places)
    closed = np.zeros(drawn.count, dtype=bool)
    closed[-1:] = drawn.cut > 0
    return make_pieces(source, starts[: drawn.count], drawn.lengths(places, documents, lengths), documents, closed)


def _spread(wanted: np.ndarray, sizes: np.ndarray, taken: np.ndarray, end: int) -> np.ndarray:
    """Starts at or after `wanted` (sorted) without overlaps; what runs over `end` moves back to the nearest room."""
    begins, stops = taken["start"], ends(taken)
    before = np.cumsum(sizes) - sizes
    starts: np.ndarray = wanted
    while True:
        starts = before + np.maximum.accumulate(starts - before)
        last = np.searchsorted(begins, starts + sizes) - 1
        touching = np.flatnonzero((last >= 0) & (stops[last] > starts)) if len(taken) else np.empty(0, np.int64)
        if not len(touching):
            break
        starts[touching] = stops[last[touching]]
    free = end
    for n in range(len(starts) - 1, -1, -1):
        size = int(sizes[n])
        start = min(int(starts[n]), free - size)
        while (i := int(np.searchsorted(stops, start, side="right"))) < len(begins) and begins[i] < start + size:
            start = int(begins[i]) - size
        if start < 0:
            raise UserError(f"the inserted documents do not fit into {end:,} tokens: lower their shares")
        if start == starts[n]:  # so nothing moves what stands before it
            break
        starts[n] = free = start
    return starts


def replace(
    source: int, flagged: np.ndarray, lengths: np.ndarray, flags: np.ndarray, pools: Pools, seed: int, stage: str
) -> np.ndarray:
    """Pieces that fill each of the `flagged` pieces with retained documents, drawn with replacement (paper.md, §3).

    They are drawn from the same pool, by the slot alone. The last document drawn for a piece is cut to fit, so that
    every other token of the stream stays where it is. In each pool there must be a document that is not flagged.

    Args:
        source: Number of the source that the new pieces are of.
        flagged: The pieces to fill.
        lengths: Of every document, in tokens.
        flags: Of every document, 0 when it is not flagged.
        pools: Which documents are in which pool.
        seed: Of the drawing.
        stage: Its name, which the drawing depends on, too.
    """
    pool_of = pools.of(flagged["document"])
    members = {number: pools.pool(number) for number in np.unique(pool_of).tolist()}
    at, stop = flagged["start"].copy(), ends(flagged)
    filled = [np.empty(0, dtype=PIECE)]
    unfilled = np.arange(len(flagged))
    attempt = 0
    while len(unfilled):
        documents = np.empty(len(unfilled), dtype=np.int64)
        for number, pool in members.items():
            mine = pool_of[unfilled] == number
            slots = flagged["slot"][unfilled[mine]]
            documents[mine] = pool.members(draws(len(pool), slots, attempt, seed, stage, "replacement"))
        retained = flags[documents] == 0
        into, documents = unfilled[retained], documents[retained]
        whole = lengths[documents].astype(np.int64)
        sizes = np.minimum(whole, stop[into] - at[into])
        filled.append(make_pieces(source, at[into], sizes, documents, sizes < whole))
        at[into] += sizes
        unfilled = unfilled[at[unfilled] < stop[unfilled]]
        attempt += 1
    pieces = in_order(np.concatenate(filled))
    pieces["slot"] = np.arange(len(pieces))
    return pieces
