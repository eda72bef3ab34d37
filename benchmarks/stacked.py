"""What training several models in one process brings: stacked weights, compilation, larger batches, beside the engine.

    python benchmarks/stacked.py [--models 6] [--steps 48] [--rounds 3]

One thread, the default study's model and batch. The peer is the engine's own step, once a model; a stack is one pass
over weights of shape (models, out, in). Rounds alternate, so that all meet the same noise. Figures are tokens/s over
all models; `differs` is the largest difference of a loss from the engine's at the last step.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from results import write_result
from torch import Tensor

from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local import engine
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.gpu_llama import fast_llama
from alignment_pretraining.pretraining.local.llama import new_model
from alignment_pretraining.pretraining.local.replicas import Replicas
from alignment_pretraining.study import Study, TrainingStage

STUDY = Path(__file__).parents[1] / "conf/base/study.yml"
RATE = 1e-3
Losses = list[float]


def main() -> None:
    """Print median tokens/s of each way over the rounds, its ratio to the engine, and how far its losses are off."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=6)
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    study = Study.model_validate(yaml.safe_load(STUDY.read_text())["study"])
    spec, stage = study.model, study.stages.pretraining
    ways: dict[str, Callable[[], tuple[float, Losses]]] = {
        "engine, one model at a time": lambda: one_by_one(spec, stage, given.models, given.steps),
        "stacked": lambda: stacked(spec, stage, given.models, given.steps, compiled=False),
        "stacked, compiled": lambda: stacked(spec, stage, given.models, given.steps, compiled=True),
        "engine, twice the batch": lambda: one_by_one(spec, _twice(stage), given.models, given.steps // 2),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, Losses] = {}
    for _ in range(given.rounds):
        for name, measure in ways.items():
            speed, losses[name] = measure()
            speeds[name].append(speed)
    peer, *_ = ways
    found = {}
    for name, values in speeds.items():
        median = statistics.median(values)
        ratio = median / statistics.median(speeds[peer])
        differs = max(abs(a - b) for a, b in zip(losses[name], losses[peer], strict=True))
        found[name] = {"tokens_per_second": values, "ratio": round(ratio, 3), "differs": differs}
        print(f"{name:28} {median:10,.0f} tokens/s  {ratio:5.2f} x the engine  differs {differs:.1e}")
    write_result("stacked", found, ["torch"])


def _twice(stage: TrainingStage) -> TrainingStage:
    return stage.model_copy(update={"batch_tokens": 2 * stage.batch_tokens})


def _batches(spec: Model, stage: TrainingStage, models: int, steps: int) -> Tensor:
    """Random ids (steps, models, rows, context + 1), from which a model can learn frequencies alone."""
    rows = stage.batch_tokens // stage.context
    generator = torch.Generator().manual_seed(0)
    shape = (steps, models, rows, stage.context + 1)
    return (torch.rand(shape, generator=generator) ** 2 * spec.vocab_size).long()


def one_by_one(spec: Model, stage: TrainingStage, models: int, steps: int) -> tuple[float, Losses]:
    """Tokens/s of the engine's step, and each model's last loss."""
    batches, settings = _batches(spec, stage, models, steps).numpy(), EngineConfig(threads=1)
    seconds, last = 0.0, []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(models):
            model = new_model(spec, number, eos=0, pad=1)
            alone = Replicas(fast_llama(model, engine.precision(settings.precision, torch.device("cpu"))))
            optimizer = engine.new_optimizer(model)
            loss = 0.0
            for step, batch in enumerate(batches[:, number], 1):
                if step == 3:  # what is done once is over
                    started = time.perf_counter()
                loss, _ = engine._step(alone, optimizer, batch, RATE, settings, step, Path(folder), Path(folder))
            seconds += time.perf_counter() - started
            last.append(loss)
    return models * (steps - 2) * stage.batch_tokens / seconds, last


def stacked(spec: Model, stage: TrainingStage, models: int, steps: int, *, compiled: bool) -> tuple[float, Losses]:
    """The same models in one pass over stacked weights."""
    made = [new_model(spec, number, eos=0, pad=1) for number in range(models)]
    names = [name for name, _ in made[0].named_parameters()]
    weights = {
        name: torch.stack([model.get_parameter(name).detach() for model in made]).requires_grad_() for name in names
    }
    groups = [  # as the engine's: no decay of norms
        {"params": [w for w in weights.values() if w.dim() > 2], "weight_decay": 0.1},
        {"params": [w for w in weights.values() if w.dim() <= 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95), fused=True)
    positions = fast_llama(made[0], torch.float32).model.model.rotary_emb
    dtype = engine.precision("auto", torch.device("cpu"))

    def losses(ids: Tensor) -> Tensor:
        return _losses(spec, weights, ids, positions, dtype)

    run: Any = torch.compile(losses) if compiled else losses
    last: Tensor = torch.zeros(models)
    for step, ids in enumerate(_batches(spec, stage, models, steps), 1):
        if step == 3:
            started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        last = run(ids)
        last.sum().backward()
        squares = torch.stack([w.grad.flatten(1).square().sum(1) for w in weights.values() if w.grad is not None])
        scale = (1.0 / (squares.sum(0).sqrt() + 1e-6)).clamp(max=1.0)
        for weight in weights.values():
            assert weight.grad is not None
            weight.grad.mul_(scale.view(-1, *[1] * (weight.dim() - 1)))
        optimizer.step()
    seconds = time.perf_counter() - started
    return models * (steps - 2) * stage.batch_tokens / seconds, last.detach().tolist()


def _losses(spec: Model, weights: dict[str, Tensor], ids: Tensor, positions: Any, dtype: torch.dtype) -> Tensor:
    """Mean next-token loss of each model (models,) on its own `ids` (models, rows, context + 1)."""
    count, rows, length = ids.shape[0], ids.shape[1], ids.shape[2] - 1
    heads, size = spec.heads, spec.hidden_size // spec.heads
    which = torch.arange(count)[:, None, None]
    hidden = (
        weights["model.embed_tokens.weight"][which, ids[:, :, :-1]].flatten(1, 2).to(dtype)
    )  # models, tokens, width
    angles: tuple[Tensor, Tensor] = positions(hidden, torch.arange(length)[None])
    cos, sin = angles

    def linear(x: Tensor, name: str) -> Tensor:
        return torch.bmm(x, weights[name].to(dtype).transpose(1, 2))

    def norm(x: Tensor, name: str) -> Tensor:
        wide = x.float()
        scaled = (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-5)).to(dtype)
        return scaled * weights[name][:, None].to(dtype)

    def split(x: Tensor) -> Tensor:
        return x.view(count * rows, length, heads, size).transpose(1, 2)

    def turn(x: Tensor) -> Tensor:
        first, second = x.chunk(2, -1)
        return x * cos.to(dtype) + torch.cat((-second, first), -1) * sin.to(dtype)

    for layer in range(spec.layers):
        at = f"model.layers.{layer}."
        seen = norm(hidden, at + "input_layernorm.weight")
        q, k, v = (split(linear(seen, f"{at}self_attn.{name}_proj.weight")) for name in "qkv")
        mixed = F.scaled_dot_product_attention(turn(q), turn(k), v, is_causal=True)
        mixed = mixed.transpose(1, 2).reshape(count, rows * length, -1)
        hidden = hidden + linear(mixed, at + "self_attn.o_proj.weight")
        seen = norm(hidden, at + "post_attention_layernorm.weight")
        gate = F.silu(linear(seen, at + "mlp.gate_proj.weight"))
        hidden = hidden + linear(gate * linear(seen, at + "mlp.up_proj.weight"), at + "mlp.down_proj.weight")
    head = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])
    logits = torch.bmm(norm(hidden, "model.norm.weight"), head.to(dtype).transpose(1, 2)).float()
    targets = ids[:, :, 1:].flatten(1)
    each: Tensor = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return each.view(count, -1).mean(1)


if __name__ == "__main__":
    main()
