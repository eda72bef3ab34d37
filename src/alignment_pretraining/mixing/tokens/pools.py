"""Which documents of the corpus belong to which pool."""

from dataclasses import dataclass

import numpy as np

NONE = -1  # the pool of documents that a stage does not draw on


@dataclass(frozen=True)
class Pools:
    """Runs of documents of one pool: the first document of each run, its number of documents, and its pool's number."""

    firsts: np.ndarray
    counts: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of_parts(cls, documents: np.ndarray, numbers: np.ndarray) -> "Pools":
        """Of a corpus whose parts, in their order, have so many `documents` and are of the pools `numbers`."""
        documents, numbers = documents[documents > 0].astype(np.int64), numbers[documents > 0]
        begins = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
        firsts = (np.cumsum(documents) - documents)[begins]
        return cls(firsts, np.diff(firsts, append=documents.sum()), numbers[begins])

    def of(self, documents: np.ndarray) -> np.ndarray:
        """The pool's number of each document (documents,)."""
        if len(self.numbers) == 1:
            return np.full(len(documents), self.numbers[0])
        found: np.ndarray = self.numbers[np.searchsorted(self.firsts, documents, side="right") - 1]
        return found

    def pool(self, number: int) -> "Pools":
        """The runs of one pool."""
        mine = self.numbers == number
        return Pools(self.firsts[mine], self.counts[mine], self.numbers[mine])

    def __len__(self) -> int:
        """How many documents all runs have together."""
        return int(self.counts.sum())

    def members(self, places: np.ndarray) -> np.ndarray:
        """The documents at the places 0 to len - 1 of all runs, one after the other, int64 (places,)."""
        if len(self.firsts) == 1:
            found: np.ndarray = places + self.firsts[0]
            return found
        before = np.cumsum(self.counts) - self.counts
        run = np.searchsorted(before, places, side="right") - 1
        found = self.firsts[run] + places - before[run]
        return found

    def slices(self) -> list[slice]:
        """The documents of every run."""
        return [slice(first, first + count) for first, count in zip(self.firsts, self.counts, strict=True)]
