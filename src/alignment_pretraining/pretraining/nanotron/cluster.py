"""The machine and how stages are laid out on it: `conf/<env>/parameters_cluster.yml`, key `cluster`."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.core.spec import Positive, Spec
from alignment_pretraining.execution.config import Slurm, limit_seconds, require_slurm
from alignment_pretraining.execution.ranks import Machines
from alignment_pretraining.pretraining.nanotron.layout import Layout, check_layout
from alignment_pretraining.pretraining.nanotron.memory import GB, memory_per_gpu
from alignment_pretraining.study import TrainingStage


class Gpu(Spec):
    """One GPU. `peak_tflops` is dense bf16; `mfu` is assumed, and `sources` says where mfu and price come from.

    `mfu` counts 6N and causal attention, without recomputation (`core.model.flops_per_token`). The links, within a
    machine and to the network, are of a GPU, in one direction.
    """

    name: str
    memory_gb: float
    peak_tflops: float
    mfu: Annotated[float, Field(gt=0, lt=1)]
    price_per_hour: float
    currency: str
    link_gb_per_s: float = 450  # NVLink 4
    network_gb_per_s: float = 50  # 400 Gbit/s
    sources: dict[str, str]


class PostTraining(Spec):
    """Tokens of one conversation and of one preference pair, for the plan's estimate of SFT and DPO."""

    tokens_per_conversation: Positive
    tokens_per_pair: Positive


class Cluster(Spec):
    """The machines, and how the base stages are trained on them.

    `layouts` has one entry a base stage, which nanotron trains so, and saves as `save_every` and `keep` say; saves of
    multiples of `keep_every` steps are kept for good, and each has a held-out loss in the curve. Without layouts, the
    local engine trains the base stages as `training` says.
    `goodput` is the share of a job's time that brings steps which stay, for plans: the rest goes into starts, saves and
    what is done again after a failure. `gpu.sources` says where it comes from.
    A Slurm job that ended too early is submitted again, `resubmissions` times in a row where it brought no new save.
    `notice_seconds` before its time limit it saves and goes back to the queue.
    With `staging` saves are written to each machine's temporary folder (TMPDIR), and copied while training goes on.
    """

    launcher: Literal["local", "slurm"]
    gpu: Gpu
    gpus_per_node: Positive
    memory_reserve: Annotated[float, Field(ge=0, lt=1)] = 0.1
    goodput: Annotated[float, Field(gt=0, le=1)] = 1.0
    save_every: Positive = 500
    keep: Positive = 2
    keep_every: Positive | None = None
    staging: bool = False
    resubmissions: NonNegativeInt = 3
    notice_seconds: Positive = 600
    layouts: dict[str, Layout] = {}
    slurm: Slurm | None = None
    post_training: PostTraining | None = None

    @model_validator(mode="after")
    def _what_is_kept_is_saved(self) -> Self:
        if self.keep_every and self.keep_every % self.save_every:
            raise ValueError(f"keep_every {self.keep_every} is not a multiple of save_every {self.save_every}")
        return self

    @model_validator(mode="after")
    def _slurm_is_described(self) -> Self:
        require_slurm(self.launcher, self.slurm)
        # Slurm's notice may come a minute early (sbatch(1), --signal).
        if self.slurm and limit_seconds(self.slurm.time) <= self.notice_seconds + 60:
            raise ValueError(
                f"notice_seconds {self.notice_seconds} leave nothing of slurm.time {self.slurm.time}: a job would save "
                "and go back to the queue as soon as it began, for ever. Make the time longer or the notice shorter"
            )
        return self

    @property
    def room(self) -> float:
        """Bytes of a GPU that a training may take."""
        return self.gpu.memory_gb * GB * (1 - self.memory_reserve)

    def layout(self, stage: str) -> Layout:
        """The layout of a base stage.

        Raises:
            UserError: it has none.
        """
        if stage not in self.layouts:
            raise UserError(f"cluster.layouts has no {stage}; it has {', '.join(self.layouts)}")
        return self.layouts[stage]

    def kept(self, stage: TrainingStage) -> int:
        """How many saves of `stage` are kept for good."""
        return stage.steps // self.keep_every if self.keep_every else 0

    def machines(self) -> Machines:
        """Its machines, as any job of several ranks needs them.

        Raises:
            UserError: it has no Slurm.
        """
        if self.slurm is None:
            raise UserError("cluster.slurm: missing, and a launcher is slurm: it needs at least time")
        return Machines(self.slurm, self.gpus_per_node, self.notice_seconds, self.resubmissions)


def check_stage(model: Model, stage: TrainingStage, layout: Layout, cluster: Cluster) -> None:
    """Refuse what cannot run: a layout that does not divide, tensor parallelism across machines, too little memory.

    Raises:
        UserError: with the numbers.
    """
    check_layout(model, stage, layout)
    if layout.tp > cluster.gpus_per_node:
        raise UserError(f"tp {layout.tp} is more than the {cluster.gpus_per_node} GPUs of a machine; raise pp instead")
    if layout.gpus > cluster.gpus_per_node and layout.gpus % cluster.gpus_per_node:
        raise UserError(f"{layout.gpus} GPUs ({layout}) do not fill machines of {cluster.gpus_per_node}")
    parts = memory_per_gpu(model, stage, layout)
    need, room = sum(parts.values()) / GB, cluster.room / GB
    if need > room:
        table = ", ".join(f"{name} {size / GB:.1f}" for name, size in parts.items())
        raise UserError(
            f"{layout} needs about {need:.1f} GB on a GPU ({table}), and {cluster.gpu.name} has {room:.1f} of "
            f"{cluster.gpu.memory_gb:g} GB to give; raise tp or pp, lower micro_batch, or set recompute"
        )
