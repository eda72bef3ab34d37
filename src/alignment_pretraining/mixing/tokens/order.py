"""In which order the documents of a source are drawn. Each draw has its own random stream, named by what it decides."""

import zlib

import numpy as np

from alignment_pretraining.core.errors import UserError


def random(seed: int, *names: str | int) -> np.random.Generator:
    """A generator for the decision that `names` name, independent of every other one."""
    return np.random.default_rng([seed, *(n if isinstance(n, int) else zlib.crc32(n.encode()) for n in names)])


def draw(lengths: np.ndarray, budget: int, seed: int, stage: str, source: str, repeat: int) -> np.ndarray:
    """Documents in the order in which they are drawn: whole epochs, each shuffled anew, that hold `budget` tokens.

    `repeat` is the most epochs that there may be; 0 is one.

    Raises:
        UserError: so many epochs do not hold the budget.
    """
    total = int(lengths.sum())
    if budget > total * max(repeat, 1):
        raise UserError(
            f"{stage} needs {budget:,} tokens of '{source}', which holds {total:,}: lower study.stages.{stage}.tokens "
            f"or the share, add documents, or let more epochs be read (corpus.repeat is {repeat})"
        )
    epochs = -(-budget // total) if budget else 0
    shuffles = [random(seed, stage, "order", source, epoch).permutation(len(lengths)) for epoch in range(epochs)]
    return np.concatenate(shuffles) if shuffles else np.empty(0, dtype=np.int64)
