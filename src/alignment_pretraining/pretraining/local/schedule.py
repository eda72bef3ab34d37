"""Learning rate by step: linear warmup, then cosine, linear or constant (the paper: cosine, 1 % warmup)."""

import math

from alignment_pretraining.study import TrainingStage


def learning_rate(step: int, stage: TrainingStage) -> float:
    """Rate of optimizer step `step` (from 0): `max_lr` after the warmup share, `min_lr` at the last step."""
    warmup = round(stage.warmup * stage.steps)
    if step < warmup:
        return stage.max_lr * (step + 1) / warmup
    if stage.schedule == "constant":
        return stage.max_lr
    done = (step + 1 - warmup) / max(stage.steps - warmup, 1)
    left = (1 + math.cos(math.pi * done)) / 2 if stage.schedule == "cosine" else 1 - done
    return stage.min_lr + (stage.max_lr - stage.min_lr) * left
