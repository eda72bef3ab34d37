"""The fast forward pass is the Hugging Face model's, in value and in gradient."""

import pytest
import torch
import torch.nn.functional as F

from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local.gpu_llama import GpuLlama
from alignment_pretraining.pretraining.local.llama import FastLlama, new_model
from alignment_pretraining.pretraining.local.loss import LinearCrossEntropy

# 200 positions: more than one block of queries, and not a whole number of them.
CONTEXT = 200
SPEC = Model(vocab_size=512, hidden_size=64, intermediate_size=96, layers=2, heads=4, max_context=256)


def _gradients(model: torch.nn.Module, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def _errors(gradients: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: ((gradients[name] - expected[name]).norm() / expected[name].norm()).item() for name in expected}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", [FastLlama, GpuLlama])
def test_loss_and_gradients_equal_the_models_own(kind: type[FastLlama], tied: bool) -> None:
    model = new_model(SPEC.model_copy(update={"tie_embeddings": tied}), seed=0, eos=0, pad=1)
    with torch.no_grad():  # larger than initial weights, so that attention is far from uniform
        for weight in model.parameters():
            weight.mul_(3)
    tokens = torch.randint(0, SPEC.vocab_size, (3, CONTEXT + 1), generator=torch.Generator().manual_seed(0))

    def own_loss() -> torch.Tensor:
        return F.cross_entropy(model(tokens[:, :-1]).logits.float().flatten(0, 1), tokens[:, 1:].flatten())

    loss = own_loss()
    gradients = _gradients(model, loss)
    with torch.autocast("cpu", torch.bfloat16):
        rounding = _errors(_gradients(model, own_loss()), gradients)

    exact = kind(model, torch.float32)
    assert exact.loss(tokens).item() == pytest.approx(loss.item(), rel=1e-5)
    assert exact.loss_sum(tokens).item() / (3 * CONTEXT) == pytest.approx(loss.item(), rel=1e-5)
    assert max(_errors(_gradients(model, exact.loss(tokens)), gradients).values()) < 1e-4

    fast = kind(model, torch.bfloat16)
    assert fast.loss(tokens).item() == pytest.approx(loss.item(), rel=5e-3)
    for name, error in _errors(_gradients(model, fast.loss(tokens)), gradients).items():
        assert error < 1.5 * rounding[name] + 1e-3, f"{name}: rounding more than the model's own in bf16 autocast"


def test_a_gpus_loss_has_exact_gradients_where_the_model_is_sure() -> None:
    """A softmax in bf16 rounds 1 - p away; in float32 the gradient is within bf16's own rounding."""
    generator = torch.Generator().manual_seed(0)
    weight = 4 * F.normalize(torch.randn(128, 32, generator=generator))
    targets = torch.randint(0, 128, (64,), generator=generator)
    rounded = (0.8 * weight[targets]).bfloat16().requires_grad_()  # probabilities of the targets near 1
    logits = (rounded.float() @ weight.bfloat16().float().T).requires_grad_()
    (expected,) = torch.autograd.grad(F.cross_entropy(logits, targets), rounded)

    def error(dtype: torch.dtype) -> float:
        loss = LinearCrossEntropy.apply(rounded, weight.bfloat16(), targets, dtype)  # type: ignore[no-untyped-call]
        (gradient,) = torch.autograd.grad(loss, rounded)
        return float((gradient.float() - expected.float()).norm() / expected.float().norm())

    assert error(torch.float32) < 0.03 < 0.3 < error(torch.bfloat16)
    model = new_model(SPEC, seed=0, eos=0, pad=1)
    assert GpuLlama(model, torch.bfloat16).softmax is torch.float32


def test_initial_weights_come_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = new_model(SPEC, seed=0, eos=0, pad=1).state_dict()
    torch.manual_seed(2)
    second = new_model(SPEC, seed=0, eos=0, pad=1).state_dict()
    other = new_model(SPEC, seed=1, eos=0, pad=1).state_dict()

    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], other["model.embed_tokens.weight"])
    assert first["model.embed_tokens.weight"].std().item() == pytest.approx(0.02, rel=0.05)
