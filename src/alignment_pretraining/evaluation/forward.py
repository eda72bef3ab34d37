"""Log-probabilities of continuations, with every beginning that prompts share computed once.

Prompts and their continuations are packed as trees: a token sees its ancestors alone, at the position that it has in
its own text, and logits are taken only where a continuation is scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

# Tokens of a tree: more share more beginnings, and make attention dearer (of 64 to 512 the fastest on a CPU).
_TREE_TOKENS = 128


@dataclass(frozen=True)
class Packed:
    """A prompt's `context` ids and the ids of each continuation of it. `number` is the prompt's place."""

    number: int
    context: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]
    which: tuple[int, ...]  # the places of these continuations among the prompt's options


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


@dataclass
class Tree:
    """Texts that share beginnings: ids and parents of its tokens (-1: the first of a text), their depth, and what is
    scored: the token whose logits tell, the id that comes next, and the (prompt, option) that it counts for.
    """

    ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    scored: list[tuple[int, int, tuple[int, int]]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def grow(self, path: list[int], tokens: Sequence[int]) -> None:
        """Add `tokens` after the tokens whose numbers are in `path`, which gets the new numbers."""
        for token in tokens:
            self.parents.append(path[-1] if path else -1)
            self.depths.append(len(path))
            path.append(len(self.ids))
            self.ids.append(token)

    @cached_property
    def _seen(self) -> np.ndarray:
        mask = np.eye(len(self), dtype=bool)
        for number, parent in enumerate(self.parents):
            if parent >= 0:
                mask[number] |= mask[parent]
        return mask

    def sees(self, length: int) -> np.ndarray:
        """Whether each token sees each other (length, length); what pads the tree sees itself alone."""
        mask = np.eye(length, dtype=bool)
        mask[: len(self), : len(self)] = self._seen
        return mask


def log_probabilities(model: Any, trees: Sequence[Tree], batch_size: int) -> Iterator[tuple[int, int, float]]:
    """(prompt, option, summed natural log-probability of the option's tokens), `batch_size` trees at a time.

    Any decoder of transformers that takes position ids and a mask of shape (batch, 1, length, length).
    """
    for start in range(0, len(trees), batch_size):
        yield from _score(model, list(trees[start : start + batch_size]))


def grow_trees(sequences: Sequence[Packed]) -> list[Tree]:
    """All continuations packed, long trees first. What is packed together does not depend on the sequences' order."""
    return sorted(_trees(sequences), key=len, reverse=True)


def _trees(sequences: Sequence[Packed]) -> Iterator[Tree]:
    """All continuations in the order of their ids, in which those that begin alike are neighbours, cut into trees."""
    texts = sorted(
        (packed.context + option, len(packed.context), (packed.number, place))
        for packed in sequences
        for place, option in zip(packed.which, packed.options, strict=True)
    )
    limit = max([_TREE_TOKENS, *(2 * len(text) for text, _, _ in texts)])
    tree, path, last = Tree(), list[int](), tuple[int, ...]()
    for text, size, owner in texts:
        read = text[:-1]  # nothing is predicted from the last token
        shared = _shared(last, read)
        if len(tree) + len(read) - shared > limit:
            yield tree
            tree, path, shared = Tree(), [], 0
        del path[shared:]
        tree.grow(path, read[shared:])
        tree.scored += [(path[place - 1], text[place], owner) for place in range(size, len(text))]
        last = read
    if len(tree):
        yield tree


def _shared(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two texts have in common at their heads."""
    return next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _score(model: Any, trees: list[Tree]) -> Iterator[tuple[int, int, float]]:
    import torch

    length = max(map(len, trees))
    ids = np.zeros((len(trees), length), dtype=np.int64)
    positions = np.zeros((len(trees), length), dtype=np.int64)
    for row, tree in enumerate(trees):
        ids[row, : len(tree)], positions[row, : len(tree)] = tree.ids, tree.depths
    sees = torch.from_numpy(np.stack([tree.sees(length) for tree in trees]))
    mask = torch.zeros(sees.shape, dtype=torch.float32).masked_fill_(~sees, torch.finfo().min)
    scored = [(row, *rest) for row, tree in enumerate(trees) for rest in tree.scored]
    rows, places, targets, owners = zip(*scored, strict=True)
    with torch.inference_mode():
        hidden = model.base_model(
            input_ids=torch.from_numpy(ids).to(model.device),
            attention_mask=mask[:, None].to(model.device, model.dtype),
            position_ids=torch.from_numpy(positions).to(model.device),
            use_cache=False,
        )[0]
        # The layers of a model may lie on several devices, the last ones elsewhere than the first.
        chosen = hidden[torch.tensor(rows, device=hidden.device), torch.tensor(places, device=hidden.device)]
        logits = model.get_output_embeddings()(chosen).float()
        wanted = torch.tensor(targets, device=logits.device)[:, None]
        scores = (logits.gather(1, wanted)[:, 0] - logits.logsumexp(1)).double().cpu().numpy()
    totals: dict[tuple[int, int], float] = {}
    for owner, score in zip(owners, scores.tolist(), strict=True):
        totals[owner] = totals.get(owner, 0.0) + score
    yield from ((number, place, total) for (number, place), total in totals.items())
