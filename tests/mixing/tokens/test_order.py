import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.mixing.tokens.order import Epochs, Permutation, draws

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=200)
@given(st.integers(1, 3000), SEEDS)
def test_every_number_stands_at_one_place(size: int, seed: int) -> None:
    assert sorted(Permutation(size, seed, "order")(np.arange(size)).tolist()) == list(range(size))


@settings(max_examples=50)
@given(st.integers(1, 2**40), SEEDS, st.data())
def test_any_place_is_known_without_the_others(size: int, seed: int, data: st.DataObject) -> None:
    places = np.array(data.draw(st.lists(st.integers(0, size - 1), unique=True, max_size=50)), dtype=np.int64)
    shuffle = Permutation(size, seed, "order")
    found = shuffle(places)
    assert found.tolist() == [int(shuffle(places[n : n + 1])[0]) for n in range(len(places))]
    assert len(np.unique(found)) == len(places) and ((found >= 0) & (found < size)).all()


def test_seeds_and_names_give_orders_of_their_own() -> None:
    orders = [
        Permutation(1000, seed, *names)(np.arange(1000))
        for seed in (0, 1)
        for names in (("order", "corpus", 0), ("order", "corpus", 1), ("order", "mcqa", 0))
    ]
    for n, one in enumerate(orders):
        for other in orders[:n]:
            assert (one == other).sum() < 10  # of independent shuffles one number stands at its old place, on average


def test_shuffles_are_even() -> None:
    """Which number stands at a place, and by how much the next one differs: chi-squared, within five sigmas."""
    size, seeds = 40, 4000
    shuffles = np.array([Permutation(size, seed, "order")(np.arange(size)) for seed in range(seeds)])
    places = np.array([np.bincount(column, minlength=size) for column in shuffles.T])
    steps = np.bincount((np.diff(shuffles, axis=1) % size).ravel(), minlength=size)[1:]
    for counts, freedom in ((places, (size - 1) ** 2), (steps, size - 2)):
        expected = counts.mean()
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert abs(chi_squared - freedom) < 5 * np.sqrt(2 * freedom)


def test_epochs_are_whole_and_differ() -> None:
    drawn = Epochs(100, 3, "order")(np.arange(300)).reshape(3, 100)
    assert (np.sort(drawn, axis=1) == np.arange(100)).all()
    assert (drawn[0] == drawn[1]).sum() < 10 and (drawn[1] == drawn[2]).sum() < 10


@pytest.mark.parametrize("size", [1, 7, 500_000_000])
def test_draws_are_even_and_depend_on_slot_and_attempt(size: int) -> None:
    slots = np.arange(70_000)
    drawn = [draws(size, slots, attempt, 0, "replacement") for attempt in (0, 1)]
    counts = np.array([np.bincount(one * 7 // size, minlength=7) for one in drawn])
    if size > 1:
        assert abs(counts / 10_000 - 1).max() < 0.05
        assert max(_correlation(*drawn), _correlation(drawn[0][1:], drawn[0][:-1])) < 0.02
    assert drawn[0].min() >= 0 and drawn[0].max() < size
    assert (draws(size, slots[5:6], 1, 0, "replacement") == drawn[1][5]).all()


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    return abs(float(np.corrcoef(one, other)[0, 1]))
