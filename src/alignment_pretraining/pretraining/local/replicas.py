"""The processes that train a stage together, one a device: each has all weights and an equal part of every batch."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from alignment_pretraining.pretraining.local.llama import FastLlama


class Replicas:
    """This process and those like it, which have met (`torch.distributed`); where none have, it is alone.

    All of them end a step with the same weights: gradients are averaged by torch's DistributedDataParallel.
    """

    def __init__(self, fast: FastLlama) -> None:
        self.rank, self.count = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        self.fast = fast
        self._shared: DistributedDataParallel | None = None
        if dist.is_initialized():
            self._shared = DistributedDataParallel(_Loss(fast), broadcast_buffers=False, gradient_as_bucket_view=True)

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that saves and tells."""
        return self.rank == 0

    def backward(self, pieces: Sequence[Tensor]) -> Tensor:
        """Leave the gradient of the batch, of which all processes have equal parts, in the weights; returns its loss.

        `pieces` (sequences, context + 1) are this process's part, each read at once; the last one may be smaller.
        """
        loss_of = self._shared or self.fast.loss
        rows = sum(len(piece) for piece in pieces)
        total = torch.zeros((), device=pieces[0].device)
        for number, piece in enumerate(pieces, 1):
            with self._alone(number < len(pieces)):
                loss = loss_of(piece) * (len(piece) / rows)
                loss.backward()
            total += loss.detach()
        return self._sum(total) / self.count if self._shared else total

    def loss_sum(self, pieces: Sequence[Tensor]) -> float:
        """Summed loss of all `pieces`, which every process has whole and of which each reads some."""
        found = sum(self.fast.loss_sum(piece).item() for piece in pieces[self.rank :: self.count])
        if not self._shared:
            return found
        return self._sum(torch.tensor(found, dtype=torch.float64, device=pieces[0].device)).item()

    def first_says(self, yes: bool) -> bool:
        """What the first process says, in all of them."""
        if not self._shared:
            return yes
        said = torch.tensor(int(yes), device=self.fast.model.device)
        dist.broadcast(said, src=0)
        return bool(said.item())

    def _sum(self, own: Tensor) -> Tensor:
        dist.all_reduce(own)
        return own

    def _alone(self, alone: bool) -> AbstractContextManager[None]:
        """Add up gradients in this process alone, until the last micro-batch of a step."""
        return self._shared.no_sync() if self._shared and alone else nullcontext()


class _Loss(nn.Module):
    """The loss as a module with the model's weights, which is what DistributedDataParallel takes."""

    def __init__(self, fast: FastLlama) -> None:
        super().__init__()
        self.model, self._fast = fast.model, fast

    def forward(self, tokens: Tensor) -> Tensor:
        return self._fast.loss(tokens)
