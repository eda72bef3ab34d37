"""In which order documents are drawn. Any part of an order is computed alone, in memory that does not grow with it.

Each draw has its own keys, named by what it decides, so none depends on how many numbers another one took.
"""

import zlib

import numpy as np

# By so many, shuffles of forty numbers are even (tests); of five or six, some are half as likely as others.
_ROUNDS = 8
# 2^64 divided by the golden ratio: its multiples are spread evenly (Knuth, TAOCP 3, section 6.4).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


class Permutation:
    """A shuffle of range(size), by `seed` and the names of what it decides.

    A generalized Feistel network over the two digits of a number; what falls beyond `size` goes through it again, until
    it does not (both: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002).
    """

    def __init__(self, size: int, seed: int, *names: str | int) -> None:
        self._size = size
        self._high = np.uint64(max(int(np.ceil(np.sqrt(size))), 1))
        self._low = np.uint64(-(-size // int(self._high)))
        self._keys = _keys(_ROUNDS, seed, *names)

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """What stands at each of the places, int64 of their shape (places,)."""
        found = self._encrypt(places.astype(np.uint64))
        while len(beyond := np.flatnonzero(found >= self._size)):
            found[beyond] = self._encrypt(found[beyond])
        return found.astype(np.int64)

    def _encrypt(self, numbers: np.ndarray) -> np.ndarray:
        high = numbers // self._low
        low = numbers - high * self._low
        for key, other in zip(self._keys[::2], self._keys[1::2], strict=True):
            high += _digit(low, key, self._high)
            high -= self._high * (high >= self._high)
            low += _digit(high, other, self._low)
            low -= self._low * (low >= self._low)
        found: np.ndarray = high * self._low + low
        return found


class Epochs:
    """The order in which the documents 0 to `size` - 1 are drawn: whole epochs, each shuffled anew."""

    def __init__(self, size: int, seed: int, *names: str | int) -> None:
        self._size, self._seed, self._names = size, seed, names

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """The document that is drawn at each of the places, int64 (places,)."""
        epochs, places = np.divmod(places, self._size)
        found = np.empty(len(places), dtype=np.int64)
        for epoch in np.unique(epochs).tolist():
            mine = epochs == epoch
            found[mine] = Permutation(self._size, self._seed, *self._names, epoch)(places[mine])
        return found


def draws(size: int, slots: np.ndarray, attempt: int, seed: int, *names: str | int) -> np.ndarray:
    """A number below `size`, drawn for each slot at its `attempt`: int64 (slots,)."""
    first, second = _keys(2, seed, *names, attempt)
    mixed = _mixed(_mixed(slots.astype(np.uint64), first), second)
    drawn: np.ndarray = ((mixed >> np.uint64(11)) * 2.0**-53 * size).astype(np.int64)  # 53 bits, as NumPy's floats
    np.minimum(drawn, size - 1, out=drawn)
    return drawn


def _keys(count: int, seed: int, *names: str | int) -> np.ndarray:
    words = [n if isinstance(n, int) else zlib.crc32(n.encode()) for n in names]
    keys: np.ndarray = np.random.SeedSequence([seed, *words]).generate_state(count, np.uint64) | np.uint64(1)
    return keys


def _mixed(numbers: np.ndarray, key: np.uint64) -> np.ndarray:
    """64 bits of which each depends on all bits of a number and of the odd key."""
    mixed: np.ndarray = (numbers + key) * _GOLDEN
    mixed ^= mixed >> _HALF
    mixed *= key
    mixed ^= mixed >> _HALF
    return mixed


def _digit(numbers: np.ndarray, key: np.uint64, base: np.uint64) -> np.ndarray:
    """A digit of `base` for each number."""
    digit: np.ndarray = ((_mixed(numbers, key) >> _HALF) * base) >> _HALF
    return digit
