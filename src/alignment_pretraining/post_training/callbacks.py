"""What happens between two steps of the Trainer: progress, curve, saves, and reasons to stop."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work
from alignment_pretraining.execution.live import LiveMetrics
from alignment_pretraining.execution.ranks import stop_file
from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.post_training.saves import KEPT, add_row, keep_save
from alignment_pretraining.post_training.trainers import whole_model
from alignment_pretraining.pretraining.local.checkpoint import save_checkpoint

# What TRL logs a step, and the name it gets in the curve; counts of time are left out.
COLUMNS = {
    "step": "step",
    "loss": "loss",
    "learning_rate": "lr",
    "grad_norm": "grad_norm",
    "rewards/accuracies": "reward_accuracy",
    "rewards/margins": "reward_margin",
}


class Follow(TrainerCallback):
    """Tells how far the stage is, and writes its curve while it runs."""

    def __init__(self, shown: Work, work: Path, live: LiveMetrics | None) -> None:
        self._shown, self._work, self._live = shown, work, live

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Take up a step's figures, in one process of all."""
        if "loss" not in (logs or {}) or not state.is_world_process_zero:
            return
        figures = {"step": state.global_step, **logs}
        row = {name: float(figures[key]) for key, name in COLUMNS.items() if key in figures}
        self._shown.advance(state.global_step - self._shown.done, loss=row["loss"])
        add_row(self._work, row)
        if self._live:
            self._live.add(row, last=state.global_step == state.max_steps)


class StopWhenDestroyed(TrainerCallback):
    """Ends the stage at the first step whose loss or gradient is not finite."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Look at a step's figures."""
        recipe = self._recipe
        for name in ("loss", "grad_norm"):
            if not math.isfinite(float((logs or {}).get(name, 0.0))):
                raise UserError(
                    f"{recipe.name} of {recipe.start}, seed {recipe.seed}: {name} {logs[name]} in step "
                    f"{state.global_step}. Lower {recipe.key}.max_lr"
                )


class Keep(TrainerCallback):
    """Keeps the weights after some steps as checkpoints of their own, in `work`."""

    def __init__(self, recipe: Recipe, steps: Sequence[int], trainer: Any, work: Path) -> None:
        self._recipe, self._steps, self._trainer, self._work = recipe, steps, trainer, work

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write a checkpoint, in one process of all."""
        step = state.global_step
        if step not in self._steps or step == state.max_steps:
            return
        model = whole_model(self._recipe, self._trainer)
        if state.is_world_process_zero:
            record = {"stage": self._recipe.name, "seed": self._recipe.seed, "steps": step}
            save_checkpoint(model, self._recipe.start, self._work / KEPT / str(step), record)


class Save(TrainerCallback):
    """Saves every so many steps, and leaves after a save when `work` has a `stop_file`."""

    def __init__(self, every: int, work: Path) -> None:
        self._every, self._work = every, work

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask for a save; not for one of the last step, after which the checkpoint itself is written."""
        if state.global_step == state.max_steps:
            return
        asked = self._is_asked_to_stop(args, state)
        if asked or state.global_step % self._every == 0:
            control.should_save = True
        if asked:
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the save as whole once every process has written its part."""
        if args.world_size > 1:
            torch.distributed.barrier()
        if state.is_world_process_zero:
            keep_save(Path(args.output_dir), self._work, state.global_step)
        if args.world_size > 1:
            torch.distributed.barrier()

    def _is_asked_to_stop(self, args: Any, state: Any) -> bool:
        """Whether the first process sees the file; all agree on the step."""
        asked = torch.tensor([int(state.is_world_process_zero and stop_file(self._work).exists())], device=args.device)
        if args.world_size > 1:
            torch.distributed.all_reduce(asked, op=torch.distributed.ReduceOp.MAX)
        return bool(asked.item())
