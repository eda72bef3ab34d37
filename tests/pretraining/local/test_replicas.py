"""A process that is alone has the loss and the gradient of the whole batch, however it is cut."""

from typing import Any

import pytest
import torch

from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local.llama import FastLlama, new_model
from alignment_pretraining.pretraining.local.replicas import Replicas

SHAPE = Model(vocab_size=64, hidden_size=16, intermediate_size=24, layers=1, heads=2, max_context=16)
TOKENS = torch.randint(0, 64, (6, 9), generator=torch.Generator().manual_seed(0))


def _alone() -> tuple[Any, Replicas]:
    torch.set_num_threads(1)
    model = new_model(SHAPE, seed=0, eos=0, pad=1)
    return model, Replicas(FastLlama(model, torch.float32))


@pytest.mark.parametrize("rows", [1, 2, 4, 5])
def test_micro_batches_of_any_size_make_the_same_step(rows: int) -> None:
    whole, replicas = _alone()
    loss = replicas.backward([TOKENS])
    model, pieces = _alone()
    assert pieces.backward(TOKENS.split(rows)).item() == pytest.approx(loss.item(), rel=1e-6)
    for one, other in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-7, rtol=1e-4)
    assert pieces.loss_sum(TOKENS.split(rows)) == pytest.approx(loss.item() * 6 * 8, rel=1e-6)


def test_one_alone_is_first_and_says_what_it_sees() -> None:
    _, replicas = _alone()
    assert (replicas.is_first, replicas.rank, replicas.count) == (True, 0, 1)
    assert replicas.first_says(True) and not replicas.first_says(False)
