"""A rehearsal of the cluster's run on CPUs: the same engine, configuration and layout, shrunk in width and steps.

What is kept of each stage: layers by pipeline rank, the ways of parallelism that are in use, ZeRO, recomputation, the
pipeline's schedule, bf16 with float32 accumulation, the learning-rate schedule, saving, resuming and conversion.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.pretraining.nanotron import checkpoints
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, check_stage
from alignment_pretraining.pretraining.nanotron.config import stage_config, write_config
from alignment_pretraining.pretraining.nanotron.conversion import from_nanotron, to_model, to_nanotron
from alignment_pretraining.pretraining.nanotron.launch import run_local
from alignment_pretraining.pretraining.nanotron.layout import Layout, check_layout
from alignment_pretraining.pretraining.nanotron.stage import read_curve
from alignment_pretraining.study import BASE_STAGES, Study, TrainingStage

# Small enough for two cores and eight processes, large enough to be cut by tp and pp.
_VOCABULARY, _HEAD, _CONTEXT, _STEPS, _RATE = 512, 16, 64, 6, 3e-3
# More processes than this only wait for each other on a laptop.
_MOST = 2


@dataclass(frozen=True)
class Rehearsed:
    """One stage's rehearsal: what ran, and how it went. Losses in nats a token."""

    stage: str
    layout: Layout
    steps: int
    first_loss: float
    last_loss: float
    converted_loss: float
    seconds: float


def rehearse(study: Study, cluster: Cluster, work: Path, stages: tuple[str, ...] = BASE_STAGES[:2]) -> list[Rehearsed]:
    """Check every stage at its real size, then run `stages` small, each from the checkpoint of the one before.

    Raises:
        UserError: a real stage cannot run as configured, or a rehearsal failed.
    """
    for name in BASE_STAGES:
        check_stage(study.model, getattr(study.stages, name), cluster.layout(name), cluster)
    results: list[Rehearsed] = []
    model, weights = None, None
    for name in stages:
        layout = small_layout(cluster.layout(name))
        model = model or small_model(study.model, max(small_layout(cluster.layout(x)).pp for x in stages))
        result, weights = _run(name, model, getattr(study.stages, name), layout, work / name, weights)
        results.append(result)
    return results


def small_layout(layout: Layout) -> Layout:
    """The layout with at most two of each kind of rank; what is in use stays in use."""
    sizes = {axis: min(getattr(layout, axis), _MOST) for axis in ("dp", "tp", "pp")}
    return layout.model_copy(update={**sizes, "micro_batch": min(layout.micro_batch, _MOST)})


def small_model(model: Model, pp: int) -> Model:
    """The model with four heads of 16 dims and two layers a pipeline rank."""
    return model.model_copy(
        update={
            "vocab_size": _VOCABULARY,
            "hidden_size": 4 * _HEAD,
            "intermediate_size": 8 * _HEAD,
            "layers": 2 * pp,
            "heads": 4,
            "max_context": _CONTEXT,
        }
    )


def small_stage(stage: TrainingStage, layout: Layout) -> TrainingStage:
    """The stage with a few steps, each of enough micro-batches to fill the pipeline."""
    rows = layout.dp * layout.micro_batch * max(2, layout.pp)
    change = {
        "context": _CONTEXT,
        "batch_tokens": rows * _CONTEXT,
        "tokens": _STEPS * rows * _CONTEXT,
        "warmup": 1 / _STEPS,
        "max_lr": _RATE,
        "min_lr": min(stage.min_lr, _RATE),
    }
    return stage.model_copy(update=change)


def _run(
    name: str, model: Model, real: TrainingStage, layout: Layout, work: Path, weights: Path | None
) -> tuple[Rehearsed, Path]:
    stage = small_stage(real, layout)
    check_layout(model, stage, layout)
    work.mkdir(parents=True, exist_ok=True)
    mix = _learnable_stream(work / "mix", stage.tokens + 1)
    if weights is None:
        from alignment_pretraining.pretraining.local.llama import new_model

        weights = to_nanotron(new_model(model, 0, eos=None, pad=None).state_dict(), model, work / "weights")
    config = stage_config(
        model, stage, layout, name=name, seed=0, mix=mix, weights=weights, folder=work, save_every=_STEPS // 2
    )
    started = time.perf_counter()
    path, metrics = write_config(config, work / "config.yaml"), work / "metrics.jsonl"
    run_local(path, layout.gpus, work / "job.log", metrics=metrics, steps=stage.steps, label=f"{name}, {layout}")
    seconds = time.perf_counter() - started
    rows = read_curve(metrics)
    last = checkpoints.newest(work / "checkpoints")
    if len(rows) != _STEPS or last is None:
        raise UserError(f"{name}: {len(rows)} of {_STEPS} steps ran; its output is in {work / 'job.log'}")
    checkpoints.verify(last)
    converted = _loss_of_converted(last, model, stage, mix)
    first_loss, last_loss = rows[0]["loss"], rows[-1]["loss"]
    if not converted < first_loss or not math.isfinite(last_loss):
        raise UserError(f"{name}: loss {first_loss:.3f} to {last_loss:.3f}, and {converted:.3f} after conversion")
    return Rehearsed(name, layout, _STEPS, first_loss, last_loss, converted, seconds), last


def _learnable_stream(folder: Path, count: int) -> Path:
    """A token stream whose next token is mostly the last one plus seven."""
    folder.mkdir(exist_ok=True)
    steps = np.random.default_rng(0).choice([7, 7, 7, 11], count)
    (np.cumsum(steps) % _VOCABULARY).astype("<u2").tofile(folder / "tokens.ds")
    (folder / "tokens.ds.metadata").write_text(f"rehearsal|2\n{count}\n{count} T")
    return folder


def _loss_of_converted(checkpoint: Path, model: Model, stage: TrainingStage, mix: Path) -> float:
    """Loss of the converted Hugging Face model on the last batch."""
    import torch

    llama = to_model(from_nanotron(checkpoint, model), model, eos=None, pad=None)
    batch = next(TokenStream.open(mix).batches(stage.steps - 1, stage.steps, stage.batch_tokens, stage.context))
    tokens = torch.from_numpy(batch)
    with torch.no_grad():
        logits = llama(tokens[:, :-1]).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).item()
