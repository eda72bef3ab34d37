"""The mixture of one stage: one base stream for every arm, and what an arm lays over it.

It is planned in two passes over the documents, in memory that grows with the inserted documents alone; any segment of
it is then computed without the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work
from alignment_pretraining.mixing.tokens.drawn import BLOCK, Drawn, draw
from alignment_pretraining.mixing.tokens.order import Permutation
from alignment_pretraining.mixing.tokens.pieces import ends, in_order, make_pieces, overlay
from alignment_pretraining.mixing.tokens.placement import insert, replace
from alignment_pretraining.mixing.tokens.pools import Pools

# SYNTHETIC and every number above it is a source of inserted documents.
CORPUS, REPLACEMENT, MCQA, SYNTHETIC = range(4)
# Base documents of one segment at most, however short they are.
_SEGMENT_SLOTS = 1 << 20


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
class Corpus:
    """Of every document its tokens and its flag (0 when it is not flagged), both (documents,); and who is in which pool
    of the recipe's."""

    lengths: np.ndarray
    flags: np.ndarray
    pools: Pools


@dataclass(frozen=True)
class Segment:
    """The base documents in the slots `first` to `last` (exclusive); the first one begins at `start` in the stream."""

    first: int
    last: int
    start: int


@dataclass(frozen=True)
class Base:
    """The corpus in its shuffled order, cut at the budget: the same for every arm. `drawn` is what is drawn of each
    pool."""

    recipe: Recipe
    drawn: tuple[Drawn, ...]

    @property
    def slots(self) -> int:
        """How many documents it has."""
        return sum(one.count for one in self.drawn)

    def documents(self, slots: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The documents in the slots, and how many tokens each has there, both int64 (slots,)."""
        if len(self.drawn) == 1:
            documents = self.drawn[0].documents(slots)
            return documents, self.drawn[0].lengths(slots, documents, lengths)
        places = Permutation(self.slots, self.recipe.seed, self.recipe.stage, "pools")(slots)
        documents, taken = np.empty(len(slots), np.int64), np.empty(len(slots), np.int64)
        first = 0
        for one in self.drawn:
            mine = (first <= places) & (places < first + one.count)
            documents[mine] = one.documents(places[mine] - first)
            taken[mine] = one.lengths(places[mine] - first, documents[mine], lengths)
            first += one.count
        return documents, taken


@dataclass(frozen=True)
class Mixture:
    """A planned stream: its base, and by source the pieces of the inserted documents, of the whole stream."""

    corpus: Corpus
    base: Base
    inserted: dict[int, np.ndarray]

    def layers(self, segment: Segment) -> dict[int, np.ndarray]:
        """What is drawn from each source for a segment: base documents, replacements, and what is to begin there."""
        slots = np.arange(segment.first, segment.last)
        documents, taken = self.base.documents(slots, self.corpus.lengths)
        starts = segment.start + np.cumsum(taken) - taken
        base = make_pieces(CORPUS, starts, taken, documents, taken < self.corpus.lengths[documents])
        base["slot"] += segment.first
        corpus, recipe = self.corpus, self.base.recipe
        flagged = base[corpus.flags[documents] > 0] if recipe.filtered else base[:0]
        replacements = replace(
            REPLACEMENT, flagged, corpus.lengths, corpus.flags, corpus.pools, recipe.seed, recipe.stage
        )
        end = segment.start + int(taken.sum())
        inserted = {
            source: pieces[slice(*np.searchsorted(pieces["start"], [segment.start, end]))]
            for source, pieces in self.inserted.items()
        }
        return {CORPUS: base, REPLACEMENT: replacements, **inserted}

    def pieces(self, segment: Segment, layers: dict[int, np.ndarray]) -> np.ndarray:
        """What the finished stream shows of the `layers` of a segment.

        An inserted document belongs to the segment in which it begins, and is whole there.
        """
        end = int(ends(layers[CORPUS])[-1])
        shown = overlay(layers[CORPUS], layers[REPLACEMENT])
        for source in sorted(self.inserted):
            shown = overlay(shown, _touching(self.inserted[source], segment.start, end))
        return shown[shown["start"] >= segment.start]


def plan_stream(
    recipe: Recipe, corpus: Corpus, inserted: Mapping[int, Sequence[np.ndarray]], segment_tokens: int
) -> tuple[Mixture, list[Segment]]:
    """Lay out the stream, in segments of `segment_tokens` that each end with the base document that reaches them.

    `inserted[source]` are the tokens of each of its documents, and then those of sources whose documents with the same
    numbers tell of the same in another way (`placement.insert`).
    All random draws depend on (seed, stage) and on the document's number alone, never on the arm.

    Raises:
        UserError: a source cannot fill its budget; nothing is left after filtering; the inserted documents don't fit.
    """
    base = _base(recipe, corpus)
    if recipe.filtered:
        for one in base.drawn:
            if all((corpus.flags[run] > 0).all() for run in one.source.slices()):
                raise UserError(
                    "the keyword filter flags every document of the corpus: there is nothing to replace them by"
                )
    drawn = {source: _versions(recipe, source, versions) for source, versions in sorted(inserted.items())}
    slots = {source: _heads(base, source, max(one.count for one, _ in found)) for source, found in drawn.items()}
    wanted = np.concatenate([np.empty(0, np.int64), *slots.values()])
    segments, starts = _walk(base, corpus.lengths, segment_tokens, wanted)
    placed: dict[int, np.ndarray] = {}
    taken = make_pieces(CORPUS, *np.empty((3, 0), np.int64))
    for source, found in drawn.items():
        heads, starts = np.split(starts, [len(slots[source])])
        placed[source] = insert(source, found, heads, taken, recipe.tokens)
        taken = in_order(np.concatenate([taken, placed[source]]))
    return Mixture(corpus, base, placed), segments


def _base(recipe: Recipe, corpus: Corpus) -> Base:
    named = recipe.pools or (("", 1.0),)
    units = np.cumsum([0, *(share for _, share in named)])
    borders = np.rint(units / units[-1] * recipe.tokens).astype(np.int64).tolist()
    drawn = []
    for number, (name, _) in enumerate(named):
        budget = borders[number + 1] - borders[number]
        of_pool = corpus.pools.pool(number)
        drawn.append(_draw(recipe, of_pool, corpus.lengths, budget, f"corpus {name}".rstrip()))
    return Base(recipe, tuple(drawn))


def _draw(recipe: Recipe, source: Pools, lengths: np.ndarray, budget: int, name: str) -> Drawn:
    return draw(source, lengths, budget, recipe.seed, recipe.stage, name, recipe.repeat)


def _versions(recipe: Recipe, source: int, versions: Sequence[np.ndarray]) -> list[tuple[Drawn, np.ndarray]]:
    """What is drawn of each version of a source."""
    # The same numbers are drawn from every source of inserted documents: sources differ in who does what alone.
    name, share = ("mcqa", recipe.mcqa_share) if source == MCQA else ("synthetic", recipe.synthetic_share)
    budget = round(share * recipe.tokens)
    found: list[tuple[Drawn, np.ndarray]] = []
    for lengths in versions:
        held = int(lengths.sum(dtype=np.int64)) * max(recipe.repeat, 1)
        # Another version that cannot fill the budget is refused where it is inserted.
        reached = min(budget, held) if found else budget
        everything = Pools.of_parts(np.array([len(lengths)]), np.array([0]))
        found.append((_draw(recipe, everything, lengths, reached, name), lengths))
    return found


def _heads(base: Base, source: int, count: int) -> np.ndarray:
    """The slots of the base documents where the documents of a source are to stand, int64 (count,)."""
    name = "mcqa" if source == MCQA else "synthetic"
    places = name if source <= SYNTHETIC else f"{name} {source - SYNTHETIC}"
    heads = Permutation(base.slots, base.recipe.seed, base.recipe.stage, "heads", places)
    return heads(np.arange(count) % base.slots)


def _walk(base: Base, lengths: np.ndarray, segment_tokens: int, wanted: np.ndarray) -> tuple[list[Segment], np.ndarray]:
    """The segments of a base stream, and where its documents in the `wanted` slots begin, int64 (wanted,)."""
    order = np.argsort(wanted, kind="stable")
    ordered, starts = wanted[order], np.empty(len(wanted), dtype=np.int64)
    segments: list[Segment] = []
    first = start = at = 0  # of the segment that is open; and where the block begins
    with Work("plan", base.slots, unit="documents") as work:
        for block in range(0, base.slots, BLOCK):
            slots = np.arange(block, min(block + BLOCK, base.slots))
            _, taken = base.documents(slots, lengths)
            stops = at + np.cumsum(taken)
            mine = slice(*np.searchsorted(ordered, [block, block + len(slots)]))
            starts[order[mine]] = (stops - taken)[ordered[mine] - block]
            while (last := _end(stops, start + segment_tokens, first + _SEGMENT_SLOTS - block)) <= len(slots):
                segments.append(Segment(first, block + last, start))
                first, start = block + last, int(stops[last - 1])
            at = int(stops[-1])
            work.advance(len(slots))
    if first < base.slots:
        segments.append(Segment(first, base.slots, start))
    return segments, starts


def _end(stops: np.ndarray, tokens: int, slots: int) -> int:
    """After how many documents a segment ends: that which reaches `tokens`, or when there are `slots` of them."""
    return min(int(np.searchsorted(stops, tokens)) + 1, slots)


def _touching(pieces: np.ndarray, start: int, end: int) -> np.ndarray:
    """Those of sorted pieces that cover any of the tokens from `start` to `end` (exclusive)."""
    last = int(np.searchsorted(pieces["start"], end))
    first = int(np.searchsorted(ends(pieces), start, side="right"))
    return pieces[first:last]
