"""Log-probabilities of both continuations of a prompt in one pass: they share the prompt and do not see each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Packed:
    """A sequence: `context` ids, then the ids of each continuation. `number` is the prompt's place."""

    number: int
    context: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]
    which: tuple[int, ...]  # the places of these continuations among the prompt's options

    def __len__(self) -> int:
        return len(self.context) + sum(map(len, self.options))


def pack(number: int, context: Sequence[int], wholes: Sequence[Sequence[int]]) -> list[Packed]:
    """One sequence for all continuations whose tokens begin with `context`; one each where a tokenizer merged across
    the border, so that the prompt's own tokens differ.

    `wholes` are the ids of the prompt with each continuation; what follows the first len(context) of them is scored.
    """
    size = len(context)
    heads = [tuple(whole[:size]) for whole in wholes]
    tails = [tuple(whole[size:]) for whole in wholes]
    places = {head: [n for n, other in enumerate(heads) if other == head] for head in heads}
    return [Packed(number, head, tuple(tails[n] for n in which), tuple(which)) for head, which in places.items()]


def log_probabilities(
    model: Any, sequences: Sequence[Packed], batch_size: int, device: str
) -> Iterator[tuple[int, int, float]]:
    """(prompt, option, summed natural log-probability of the option's tokens), longest sequences first.

    Any decoder of transformers that takes position ids and a mask of shape (batch, 1, length, length). float32.
    """
    order = sorted(range(len(sequences)), key=lambda n: -len(sequences[n]))
    for start in range(0, len(order), batch_size):
        batch = [sequences[n] for n in order[start : start + batch_size]]
        yield from _score(model, batch, device)


def _score(model: Any, batch: list[Packed], device: str) -> Iterator[tuple[int, int, float]]:
    import torch

    length = max(map(len, batch))
    ids = np.zeros((len(batch), length), dtype=np.int64)
    positions = np.zeros((len(batch), length), dtype=np.int64)
    sees = np.zeros((len(batch), length, length), dtype=bool)
    sees[:, np.arange(length), np.arange(length)] = True  # padding sees itself, so that no softmax is empty
    rows: list[int] = []
    places: list[int] = []
    targets: list[int] = []
    owners: list[tuple[int, int]] = []
    for row, packed in enumerate(batch):
        size = len(packed.context)
        ids[row, :size], positions[row, :size] = packed.context, np.arange(size)
        sees[row, :size, :size] = np.tri(size, dtype=bool)
        first = size
        for place, option in zip(packed.which, packed.options, strict=True):
            stop = first + len(option)
            ids[row, first:stop], positions[row, first:stop] = option, np.arange(size, size + len(option))
            sees[row, first:stop, :size] = True
            sees[row, first:stop, first:stop] = np.tri(len(option), dtype=bool)
            rows += [row] * len(option)
            places += [size - 1, *range(first, stop - 1)]  # each token is predicted by the one before it
            targets += option
            owners += [(packed.number, place)] * len(option)
            first = stop
    mask = torch.zeros(sees.shape, dtype=torch.float32).masked_fill_(torch.from_numpy(~sees), torch.finfo().min)
    with torch.inference_mode():
        hidden = model.base_model(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=mask[:, None].to(device, model.dtype),
            position_ids=torch.from_numpy(positions).to(device),
            use_cache=False,
        )[0]
        chosen = hidden[torch.tensor(rows, device=device), torch.tensor(places, device=device)]
        logits = model.get_output_embeddings()(chosen).float()
        wanted = torch.tensor(targets, device=device)[:, None]
        scores = (logits.gather(1, wanted)[:, 0] - logits.logsumexp(1)).double().cpu().numpy()
    totals: dict[tuple[int, int], float] = {}
    for owner, score in zip(owners, scores.tolist(), strict=True):
        totals[owner] = totals.get(owner, 0.0) + score
    yield from ((number, place, total) for (number, place), total in totals.items())
