"""One stage in one process, or in one of several that train it together."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from alignment_pretraining.core.progress import Work
from alignment_pretraining.execution.live import LiveMetrics
from alignment_pretraining.execution.outcome import Outcome
from alignment_pretraining.post_training.config import examples as examples_of
from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.post_training.saves import clear, newest_save
from alignment_pretraining.pretraining.local.checkpoint import save_checkpoint

if TYPE_CHECKING:
    from datasets import Dataset


def train(recipe: Recipe, examples: Dataset, work: Path) -> Outcome | None:
    """Train on `examples`, going on from the newest save in `work`.

    Returns checkpoint folder (in `work`), curve and summary without timings; None from all processes but the first, and
    where they were asked to leave before the last step.

    Raises:
        UserError: the loss or a weight is no longer finite; names stage, seed and step.
    """
    import torch
    import transformers

    from alignment_pretraining.post_training.callbacks import Follow, Keep, Save, StopWhenDestroyed
    from alignment_pretraining.post_training.trainers import TRAINER, make_trainer, whole_model

    torch.set_num_threads(recipe.settings.threads)
    transformers.utils.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(recipe.start)
    trainer = make_trainer(recipe, examples, tokenizer, work)
    save = newest_save(work)
    done = int(save.name) if save else 0
    if trainer.is_world_process_zero():
        clear(work, work / TRAINER, done)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(StopWhenDestroyed(recipe))
    if recipe.further and recipe.further.keep:
        trainer.add_callback(Keep(recipe, recipe.further.keep, trainer, work))
    trainer.add_callback(Save(recipe.settings.save_every, work))
    with Work(recipe.label, recipe.steps, unit="steps", done=done) as shown:
        trainer.add_callback(Follow(shown, work, LiveMetrics(recipe.name) if trainer.args.world_size > 1 else None))
        trainer.train(resume_from_checkpoint=str(save) if save else None)
    finished = trainer.state.global_step == trainer.state.max_steps
    model = whole_model(recipe, trainer) if finished else None
    if not trainer.is_world_process_zero() or not finished:
        return None
    shutil.rmtree(work / TRAINER, ignore_errors=True)
    curve = _curve(trainer.state.log_history)
    summary = _summary(recipe, model, curve, trainer.state.global_step)
    record = {**summary, "spec": recipe.stage.model_dump()}
    return save_checkpoint(model, recipe.start, work / "checkpoint", record), curve, summary


def _curve(history: list[dict[str, float]]) -> pd.DataFrame:
    """One row a step: step, loss, lr, grad_norm; for DPO also reward_accuracy and reward_margin."""
    from alignment_pretraining.post_training.callbacks import COLUMNS

    frame = pd.DataFrame([row for row in history if "loss" in row])
    return frame[[name for name in COLUMNS if name in frame]].rename(columns=COLUMNS)


def _summary(recipe: Recipe, model: Any, curve: pd.DataFrame, steps: int) -> dict[str, Any]:
    last = curve.tail(max(len(curve) // 10, 1))
    summary = {
        "stage": recipe.name,
        "seed": recipe.seed,
        "steps": steps,
        "examples": examples_of(recipe.stage) * recipe.stage.epochs,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "final_loss": float(last["loss"].mean()),
    }
    if "reward_accuracy" in last:
        summary["reward_accuracy"] = float(last["reward_accuracy"].mean())
    return summary
