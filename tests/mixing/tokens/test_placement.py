from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.tokens.pieces import make_pieces
from alignment_pretraining.mixing.tokens.placement import _spread
from alignment_pretraining.mixing.tokens.pools import Pools


def _one_after_the_other(wanted: list[int], sizes: list[int], taken: list[tuple[int, int]]) -> list[int]:
    """Each at its place, or as soon after it as the one before and what is taken leave room."""
    starts: list[int] = []
    free = 0
    for wish, size in zip(wanted, sizes, strict=True):
        start = max(wish, free)
        while any(begin < start + size and start < stop for begin, stop in taken):
            start += 1
        starts.append(start)
        free = start + size
    return starts


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=6),
    st.integers(40, 200),
)
def test_documents_stand_where_they_are_wanted_or_as_soon_as_there_is_room(
    documents: list[tuple[int, int]], gaps: list[tuple[int, int]], end: int
) -> None:
    wanted, sizes = (list(column) for column in zip(*sorted(documents), strict=True))
    taken, at = [], 0
    for gap, size in gaps:
        taken.append((at + gap, at + gap + size))
        at = taken[-1][1]
    pieces = make_pieces(2, *(np.array([(b, s - b, 0) for b, s in taken], dtype=np.int64).reshape(-1, 3).T))
    expected = _one_after_the_other(wanted, sizes, taken)
    try:
        found = _spread(np.array(wanted), np.array(sizes), pieces, end).tolist()
    except UserError:
        assert expected[-1] + sizes[-1] > end
        return
    if expected[-1] + sizes[-1] <= end:
        assert found == expected
    spans = sorted([*zip(found, (start + size for start, size in zip(found, sizes, strict=True)), strict=True), *taken])
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert found[-1] + sizes[-1] <= end and found == sorted(found)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 2)), min_size=1, max_size=12))
def test_pools_are_the_runs_of_the_parts(parts: list[tuple[int, int]]) -> None:
    counts, numbers = np.array(parts).T
    of = np.repeat(numbers, counts)
    pools = Pools.of_parts(counts, numbers)
    if len(of):
        assert (pools.of(np.arange(len(of))) == of).all()
    for number in range(-1, 3):
        pool = pools.pool(number)
        assert len(pool) == (of == number).sum()
        assert pool.members(np.arange(len(pool))).tolist() == np.flatnonzero(of == number).tolist()
        assert [n for run in pool.slices() for n in range(run.start, run.stop)] == np.flatnonzero(of == number).tolist()
