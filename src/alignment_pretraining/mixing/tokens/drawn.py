"""What is drawn from a source to fill a budget: so many documents of an order, the last one cut to fit."""

from dataclasses import dataclass

import numpy as np

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.tokens.order import Epochs
from alignment_pretraining.mixing.tokens.pools import Pools

# Documents that are looked at together: their numbers stay in a processor's cache.
BLOCK = 1 << 16


@dataclass(frozen=True)
class Drawn:
    """The first `count` documents of an order; `cut` tokens of the last one are beyond the budget."""

    source: Pools
    order: Epochs
    count: int
    cut: int

    def documents(self, places: np.ndarray) -> np.ndarray:
        """The documents that are drawn at each of the places below `count`, int64 (places,)."""
        return self.source.members(self.order(places))

    def lengths(self, places: np.ndarray, documents: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Tokens that are taken of the documents drawn there, int64; `lengths` are those of every document."""
        taken: np.ndarray = lengths[documents].astype(np.int64)
        taken[places == self.count - 1] -= self.cut
        return taken


def draw(source: Pools, lengths: np.ndarray, budget: int, seed: int, stage: str, name: str, repeat: int) -> Drawn:
    """As many documents of `source` as hold `budget` tokens; `lengths` are those of every document.

    `repeat` is the most epochs that there may be; 0 is one.

    Raises:
        UserError: so many epochs do not hold the budget.
    """
    total = sum(int(lengths[run].sum(dtype=np.int64)) for run in source.slices())
    if budget > total * max(repeat, 1):
        raise UserError(
            f"{stage} needs {budget:,} tokens of '{name}', which holds {total:,}: lower study.stages.{stage}.tokens "
            f"or the share, add documents, or let more epochs be read (corpus.repeat is {repeat})"
        )
    order = Epochs(len(source), seed, stage, "order", name)
    held, count = (budget // total * total, budget // total * len(source)) if total else (0, 0)
    while held < budget:
        places = np.arange(count, count + min(BLOCK, len(source)))
        stops = held + np.cumsum(lengths[source.members(order(places))], dtype=np.int64)
        taken = min(int(np.searchsorted(stops, budget)) + 1, len(places))
        held, count = int(stops[taken - 1]), count + taken
    return Drawn(source, order, count, held - budget)
