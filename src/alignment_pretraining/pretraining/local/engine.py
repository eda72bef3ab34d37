"""The training loop of one stage: sequential batches, AdamW, a schedule, held-out loss, resume."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.curve import is_skipped
from alignment_pretraining.pretraining.local.followed import Followed
from alignment_pretraining.pretraining.local.gpu_llama import fast_llama
from alignment_pretraining.pretraining.local.llama import FastLlama
from alignment_pretraining.pretraining.local.prefetch import read_ahead
from alignment_pretraining.pretraining.local.replicas import Replicas
from alignment_pretraining.pretraining.local.schedule import learning_rate
from alignment_pretraining.pretraining.local.state import Progress, StateWriter, StepRow, restore_state
from alignment_pretraining.study import TrainingStage

_log = logging.getLogger(__name__)

# AdamW as in the paper (§ on optimisation): betas, epsilon, weight decay, gradient clipping.
_BETAS, _EPS, _DECAY, _CLIP = (0.9, 0.95), 1e-8, 0.1, 1.0


@dataclass(frozen=True)
class Trained:
    """What a run leaves beside the model: progress, and the speed of the steps that this process ran.

    `speed` has a row a step: step, tokens_per_second, and mfu where the processor's peak is known. Of several processes
    one `is_first`.
    """

    progress: Progress
    speed: list[StepRow]
    is_first: bool


def train(
    model: Any,
    mix: TokenStream,
    heldout: TokenStream,
    stage: TrainingStage,
    settings: EngineConfig,
    work: Path,
    *,
    prompt: list[int] | None = None,
    utilization: Callable[[float], float] | None = None,
    label: str = "",
    followed: Followed | None = None,
) -> Trained:
    """Train `model` in place on `mix`, in stream order; together with the other processes where some have met.

    The progress has one row a step: step (from 1), tokens, loss (nats a token), lr, grad_norm (before clipping),
    heldout_loss (NaN between evaluations).

    Args:
        model: A Hugging Face Llama.
        mix: What it is trained on.
        heldout: What its loss is measured on at each evaluation.
        stage: Budget, batch and learning rates.
        settings: How it is computed, saved and evaluated.
        work: Folder in which unfinished work is kept and taken up again.
        prompt: Token ids that the model continues at each evaluation.
        utilization: Turns tokens/s into MFU.
        label: What the work is called where no node does it.
        followed: Where another process follows the training, and may ask it to save and to leave early.

    Raises:
        UserError: too few tokens, token ids outside the vocabulary, or a loss that is not finite.
    """
    torch.set_num_threads(settings.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    fast = fast_llama(model, precision(settings.precision, device), recompute=settings.gradient_checkpointing)
    replicas = Replicas(fast)
    optimizer = new_optimizer(model)
    work.mkdir(parents=True, exist_ok=True)
    progress = restore_state(work, model, optimizer)
    rows, speed = progress.rows, []
    evaluated = {stage.steps * (i + 1) // settings.evaluations for i in range(settings.evaluations)}
    first = len(rows)
    if followed and replicas.is_first:
        followed.begin(rows)

    part = {"part": replicas.rank, "parts": replicas.count}
    batches = read_ahead(mix.batches(first, stage.steps, stage.batch_tokens, stage.context, **part))
    with (
        StateWriter(work, settings.keep_last, settings.keep_every) as states,
        Work(label, stage.tokens, unit="tokens", done=first * stage.batch_tokens) as shown,
    ):
        for step, batch in enumerate(batches, first + 1):
            begun = time.perf_counter()
            rate = learning_rate(step - 1, stage)
            spare = settings.skip_nonfinite - sum(is_skipped(row) for row in rows)
            loss, norm = _step(replicas, optimizer, batch, rate, settings, step, work, mix.folder, spare)
            speed.append(_speed(step, stage.batch_tokens / (time.perf_counter() - begun), utilization))
            score = math.nan
            if step in evaluated:
                score = heldout_loss(replicas, heldout, stage.context, settings)
                if prompt:
                    progress.samples[step] = continuation(fast, prompt, settings.sample_tokens)
            rows.append(_row(step, step * stage.batch_tokens, loss, rate, norm, score))
            shown.advance(stage.batch_tokens, loss=loss)
            leaves = _follow(followed, replicas, rows[-1])
            if replicas.is_first and (step % settings.save_every == 0 or step == stage.steps or leaves):
                states.save(model, optimizer, progress)
            if leaves:
                break

    return Trained(progress, speed, replicas.is_first)


def precision(choice: str, device: torch.device) -> torch.dtype:
    """The dtype of activations for `precision: auto | bf16 | fp32`; auto is bf16 where that is faster."""
    if choice == "auto":
        return torch.bfloat16 if device.type == "cuda" or _is_faster_in_bf16() else torch.float32
    return torch.bfloat16 if choice == "bf16" else torch.float32


def _is_faster_in_bf16() -> bool:
    """Whether this processor multiplies matrices faster in bf16.

    It does with AMX. With AVX-512 alone it does on AMD's; on Intel's training has two thirds of its speed in float32
    (benchmarks/results/training.json).
    """
    has = torch.cpu.get_capabilities()
    by_vectors = has.get("avx512_bf16", False) and not has.get("cpu_name", "").startswith("Intel")
    return bool(has.get("amx_bf16", False) or by_vectors)


def new_optimizer(model: Any) -> torch.optim.Optimizer:
    """Fused AdamW with no weight decay on norms."""
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.dim() > 1], "weight_decay": _DECAY},
        {"params": [w for w in weights if w.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=_BETAS, eps=_EPS, fused=True)


def heldout_loss(replicas: Replicas, heldout: TokenStream, context: int, settings: EngineConfig) -> float:
    """Mean loss in nats a token on the first `heldout_tokens` tokens of the held-out stream, in windows of `context`.

    Raises:
        UserError: the held-out stream is shorter than one window.
    """
    count = min(settings.heldout_tokens, len(heldout) - 1) // context
    if count == 0:
        raise UserError(f"{heldout.folder}: {len(heldout):,} held-out tokens are fewer than a context of {context:,}")
    sequences = _tensor(replicas.fast, heldout.sequences(0, count, context))
    return replicas.loss_sum(sequences.split(settings.rows_at_once(context))) / (count * context)


@torch.no_grad()
def continuation(fast: FastLlama, prompt: list[int], count: int) -> list[int]:
    """The `count` tokens that follow `prompt`, each the likeliest: a look at what the model has learnt."""
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(fast.next_token(torch.tensor([tokens], device=fast.model.device)))
    return tokens[len(prompt) :]


def _follow(followed: Followed | None, replicas: Replicas, row: StepRow) -> bool:
    """Tell of a step; returns whether all processes are to leave after it."""
    if followed is None:
        return False
    if replicas.is_first:
        followed.add(row)
    return replicas.first_says(followed.is_asked_to_leave())


def _step(
    replicas: Replicas,
    optimizer: torch.optim.Optimizer,
    batch: np.ndarray,
    rate: float,
    settings: EngineConfig,
    step: int,
    work: Path,
    source: Path,
    spare: int = 0,
) -> tuple[float, float]:
    """One optimizer step; returns the loss and the gradient norm before clipping.

    Where they are not finite, the batch is left out while `spare` batches may be.
    """
    fast = replicas.fast
    vocabulary = fast.model.config.vocab_size
    if batch.max() >= vocabulary:
        raise UserError(
            f"{source}: token id {batch.max()} in step {step}, but the vocabulary has {vocabulary:,} entries"
        )
    sequences = _tensor(fast, batch)
    optimizer.zero_grad(set_to_none=True)
    total = replicas.backward(sequences.split(settings.rows_at_once(batch.shape[1] - 1)))
    norm = torch.nn.utils.clip_grad_norm_(fast.model.parameters(), _CLIP)
    if not (math.isfinite(total.item()) and math.isfinite(norm.item())):
        own = f".part_{replicas.rank}" if replicas.count > 1 else ""
        path = work / f"batch_of_step_{step}{own}.npy"
        np.save(path, batch)
        told = f"{source}: loss {total.item()} with gradient norm {norm.item()} in step {step}; its batch is in {path}"
        if spare <= 0:
            raise UserError(
                f"{told}. Lower the stage's max_lr, look at what the batch holds, or have such batches left out "
                f"(training.skip_nonfinite is {settings.skip_nonfinite})"
            )
        _log.warning("%s and is left out; %d more may be", told, spare - 1)
        return total.item(), norm.item()
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    return total.item(), norm.item()


def _tensor(fast: FastLlama, batch: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(batch).to(fast.model.device, non_blocking=True)


def _speed(step: int, tokens_per_second: float, utilization: Callable[[float], float] | None) -> StepRow:
    share = {"mfu": utilization(tokens_per_second)} if utilization else {}
    return {"step": step, "tokens_per_second": tokens_per_second, **share}


def _row(step: int, tokens: int, loss: float, rate: float, norm: float, score: float) -> StepRow:
    return {"step": step, "tokens": tokens, "loss": loss, "lr": rate, "grad_norm": norm, "heldout_loss": score}
