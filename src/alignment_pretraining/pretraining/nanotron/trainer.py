"""Our trainer over nanotron's: the local engine's schedule and weight decay, checkpoints that are whole, metrics.

Import it after `compatibility.prepare()`.
"""

import contextlib
import dataclasses
import json
import math
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Optional

import nanotron.helpers
import nanotron.trainer
import torch
from nanotron import distributed as dist
from nanotron.config import Config, get_config_from_file
from nanotron.models.llama import LlamaDecoderLayer
from nanotron.optim.named_optimizer import NamedOptimizer
from nanotron.trainer import DistributedTrainer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.checkpoint import checkpoint

from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.execution import saves
from alignment_pretraining.execution.live import LiveMetrics
from alignment_pretraining.pretraining.local.schedule import learning_rate
from alignment_pretraining.pretraining.nanotron import cpu
from alignment_pretraining.pretraining.nanotron.batches import for_rank, micro_batches
from alignment_pretraining.pretraining.nanotron.staging import StagedSaves
from alignment_pretraining.study import TrainingStage


@dataclasses.dataclass
class StageSection:
    """What a stage has beside nanotron's own sections: its specification, its data, and where metrics go."""

    spec: dict[str, Any]
    mix: Path
    metrics: Path
    keep: int
    keep_every: Optional[int]  # noqa: UP045 - dacite reads this form
    staging: bool
    recompute: bool
    stop: Path
    skip_nonfinite: int


@dataclasses.dataclass
class StageConfig(Config):  # type: ignore[misc] # nanotron has no types
    """nanotron's configuration with the section `stage`."""

    stage: Optional[StageSection] = None  # noqa: UP045 - dacite reads this form

    @classmethod
    def from_file(cls, path: Path) -> "StageConfig":
        config: StageConfig = get_config_from_file(str(path), config_class=cls)
        return config


class _AskedToStop(Exception):
    """A save was made, and the ranks leave."""


class StageTrainer(DistributedTrainer):  # type: ignore[misc] # nanotron has no types
    """Trains one stage from the configuration file at `path`, going on from its newest complete checkpoint.

    When the file `stage.stop` appears, it saves after the step that is under way, and leaves.
    """

    def __init__(self, path: Path) -> None:
        config = StageConfig.from_file(path)
        assert config.stage is not None
        self.section = config.stage
        self.spec = TrainingStage.model_validate(self.section.spec)
        self.live = LiveMetrics(config.general.run)
        _use_our_optimizer(self.spec)
        self._saves = config.checkpoints.checkpoints_path
        _redirect_resume(saves.newest(self._saves))
        super().__init__(str(path), config_class=StageConfig)
        staging = self._stage_saves() if self.section.staging else None
        self._staged = StagedSaves(staging if os.environ["LOCAL_RANK"] == "0" else None, self._saves)
        self._unmarked: int | None = None  # the step of a save that is not known to be whole
        if self.section.recompute:
            _recompute_layers(self.unwrapped_model)
        self._skip_nonfinite_steps()

    def _stage_saves(self) -> Path:
        """Have nanotron write saves to this machine's temporary folder, in one named as the stage's work is."""
        staging = Path(gettempdir()) / str(self._saves.parent.name)
        self.config.checkpoints.checkpoints_path = staging
        self.config.checkpoints.checkpoints_path_is_shared_file_system = False
        return staging

    def run(self) -> None:
        """Train to the stage's last step, and leave a complete checkpoint of it."""
        if self.start_iteration_step < self.spec.steps:
            self._cut_metrics()
            with contextlib.suppress(_AskedToStop):
                self.train(self._batches())
            self._finish_save()
            self._staged.clear()

    def post_init(self) -> None:
        """Take up the learning rate of the step to go on from; nanotron's own resume makes that step at step 0's."""
        groups = self.optimizer.get_base_optimizer().param_groups
        for group, rate in zip(groups, self.lr_scheduler.get_last_lr(), strict=True):
            group["lr"] = rate

    def pre_training(self, *_: Any, **__: Any) -> None:
        """nanotron would report to wandb here."""

    def _batches(self) -> Iterator[dict[str, Any]]:
        context, model = self.parallel_context, self.unwrapped_model
        batches = micro_batches(
            TokenStream.open(self.section.mix),
            self.spec,
            first=self.start_iteration_step,
            dp=context.dp_pg.size(),
            dp_rank=dist.get_rank(context.dp_pg),
            micro_batch=self.micro_batch_size,
        )
        pp_rank = dist.get_rank(context.pp_pg)
        return (for_rank(batch, pp_rank, model.input_pp_rank, model.output_pp_rank) for batch in batches)

    def post_train_step(self) -> None:
        """Free what the step sent (on CPUs; nothing on GPUs)."""
        cpu.wait_for_sends()

    def post_training(self) -> None:
        """Save the last step, unless the interval just did."""
        if self.iteration_step % self.config.checkpoints.checkpoint_interval:
            self.save_checkpoint()

    def train_step_logs(self, outputs: Iterable[Any], loss_avg: torch.Tensor | None) -> None:
        """One line of JSON a step, by one of the ranks that hold the loss; then all leave, if they are asked to.

        A save that all machines have copied by then is marked whole.

        Raises:
            RuntimeError: the loss is not finite, and no more batches may be left out; says which tokens the batch was.
        """
        if loss_avg is not None:
            self._log(loss_avg.item(), self.grad_norm_unclipped.item())
        first = dist.get_rank(self.parallel_context.world_pg) == 0
        asked, copying = self._any(first and self.section.stop.exists(), not self._staged.done())
        if not copying:
            self._mark_whole()
        if asked and self.iteration_step < self.spec.steps:
            self.save_checkpoint()
            raise _AskedToStop

    def _any(self, *facts: bool) -> list[bool]:
        """Which of the facts hold for any rank: all agree on it."""
        told = torch.tensor([int(fact) for fact in facts], device="cuda")
        dist.all_reduce(told, op=dist.ReduceOp.MAX, group=self.parallel_context.world_pg)
        return [bool(fact) for fact in told.tolist()]

    def _log(self, loss: float, norm: float) -> None:
        step, size = self.iteration_step, self.spec.batch_tokens
        logs = dist.get_rank(self.parallel_context.world_pg) == self.logger_ranks[0]
        if not (math.isfinite(loss) and math.isfinite(norm)):
            told = (
                f"loss {loss} with gradient norm {norm} in step {step}: its batch is tokens {(step - 1) * size:,} to "
                f"{step * size:,} of {self.section.mix}"
            )
            if self._skipped > self.section.skip_nonfinite or math.isfinite(norm):
                raise RuntimeError(f"{told} (training.skip_nonfinite is {self.section.skip_nonfinite})")
            if logs:
                print(f"{told}; it is left out", flush=True)
        if not logs:
            return
        row = {
            "step": step,
            "tokens": step * size,
            "loss": loss,
            "lr": learning_rate(step - 1, self.spec),
            "grad_norm": norm,
            "seconds": time.time() - self.iteration_start_time,
        }
        with self.section.metrics.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        self.live.add(row, last=step == self.spec.steps)

    def _skip_nonfinite_steps(self) -> None:
        """Leave the weights as they are where the gradient's norm, which is the same on all ranks, is not finite."""
        step = self.optimizer.step
        self._skipped = 0

        def guarded(*args: Any, **kwargs: Any) -> Any:
            if math.isfinite(self.grad_norm_unclipped.item()):
                return step(*args, **kwargs)
            self._skipped += 1
            return None

        self.optimizer.step = guarded

    def save_checkpoint(self) -> Path:
        """nanotron's checkpoint; with `staging` training goes on while it is copied.

        One save is copied at a time.
        """
        self._finish_save()
        folder: Path = super().save_checkpoint()
        dist.barrier(self.parallel_context.world_pg)
        self._unmarked = self.iteration_step
        self._staged.start(self.iteration_step)
        if not self.section.staging:
            self._finish_save()
        return folder

    def _finish_save(self) -> None:
        """Wait until the last save is whole."""
        self._staged.wait()
        dist.barrier(self.parallel_context.world_pg)
        self._mark_whole()
        dist.barrier(self.parallel_context.world_pg)

    def _mark_whole(self) -> None:
        """The last save is in shared storage, every rank's part; older ones go by policy."""
        if self._unmarked is not None and dist.get_rank(self.parallel_context.world_pg) == 0:
            saves.mark_whole(self._saves / str(self._unmarked), self._layout())
            saves.keep_newest(self._saves, self.section.keep, self.section.keep_every)
        self._unmarked = None

    def _layout(self) -> dict[str, int]:
        parallel = self.config.parallelism
        return {"dp": parallel.dp, "tp": parallel.tp, "pp": parallel.pp, "zero": self.config.optimizer.zero_stage}

    def _cut_metrics(self) -> None:
        """Drop the lines of steps that an interrupted run made after its last checkpoint: they are made again."""
        if dist.get_rank(self.parallel_context.world_pg) == self.logger_ranks[0]:
            path = self.section.metrics
            lines = path.read_text().splitlines(keepends=True) if path.exists() else []
            path.write_text("".join(lines[: self.start_iteration_step]))


def _use_our_optimizer(spec: TrainingStage) -> None:
    """The local engine's learning rate at every step, and no weight decay on norms; nanotron can do neither."""

    def scheduler(optimizer: Any, **_: Any) -> LambdaLR:
        return LambdaLR(optimizer.get_base_optimizer(), lambda step: learning_rate(step, spec) / spec.max_lr)

    def optimizer(named_params_or_groups: Iterable[Any], optimizer_builder: Any) -> NamedOptimizer:
        return NamedOptimizer(_split_norms(named_params_or_groups), optimizer_builder)

    nanotron.trainer.lr_scheduler_builder = scheduler
    nanotron.helpers.NamedOptimizer = optimizer


def _split_norms(groups: Iterable[Any]) -> list[dict[str, Any]]:
    listed: list[Any] = list(groups)
    grouped = bool(listed) and isinstance(listed[0], dict)
    named = [pair for group in listed for pair in group["named_params"]] if grouped else listed
    norms = [pair for pair in named if "layer_norm" in pair[0] or "layernorm" in pair[0]]
    names = {name for name, _ in norms}
    split: list[dict[str, Any]] = [
        {"named_params": [pair for pair in named if pair[0] not in names]},
        {"named_params": norms, "weight_decay": 0.0},
    ]
    return [group for group in split if group["named_params"]]


def _redirect_resume(folder: Path | None) -> None:
    """Let nanotron go on from `folder`, which is whole, and not from what its own latest.txt names."""
    nanotron.trainer.parse_ckpt_path = lambda config: folder


def _recompute_layers(model: Any) -> None:
    """Keep each layer's input alone and compute the rest again in the backward pass; nanotron 0.4 has no setting."""
    for layer in model.modules():
        if isinstance(layer, LlamaDecoderLayer):
            layer.forward = _recomputed(layer.forward)


def _recomputed(forward: Any) -> Any:
    return lambda **inputs: checkpoint(forward, use_reentrant=False, **inputs)
