"""How SFT and DPO work, apart from what they train: `conf/base/parameters_training.yml`, key `post_training`."""

from collections.abc import Iterator
from typing import Literal

from alignment_pretraining.core.spec import Fraction, Positive, Spec
from alignment_pretraining.study import DpoStage, SftStage


class PostTrainingConfig(Spec):
    """`processes`, `micro_batch`, `threads` and `precision` are part of a result (sums are split by them).

    `micro_batch` is how many examples a process reads at once, of packed ones how many rows; without it, its whole
    share of a batch, or one row. `parallel` is what several processes share: nothing (ddp), or weights, gradients and
    moments (fsdp). `packing` lays the conversations of an SFT batch end to end in rows of the stage's context.
    """

    processes: Positive = 1
    parallel: Literal["ddp", "fsdp"] = "ddp"
    micro_batch: Positive | None = None
    threads: Positive = 1
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    gradient_checkpointing: bool = False
    packing: bool = False
    save_every: Positive = 100
    launcher: Literal["local", "slurm"] = "local"

    def micro_batch_of(self, stage: SftStage | DpoStage) -> int:
        """Examples, or packed rows, that a process reads at once."""
        if self.packs(stage):
            return self.micro_batch or 1
        return self.micro_batch or max(stage.batch_size // self.processes, 1)

    def at_once(self, stage: SftStage | DpoStage) -> int:
        """Examples, or packed rows, that all processes together read at once."""
        return self.processes * self.micro_batch_of(stage)

    def packs(self, stage: SftStage | DpoStage) -> bool:
        """Whether the examples of the stage are packed: those of DPO never are."""
        return self.packing and isinstance(stage, SftStage)


class Lora(Spec):
    """Low-rank adapters (PEFT) on all attention and MLP matrices, merged into the weights when training ends.

    Rank-stabilized: an adapter is scaled by alpha over the square root of the rank (Kalajdzievski, arXiv 2312.03732).
    """

    rank: Positive = 32
    alpha: Positive = 64
    dropout: Fraction = 0.0


class Further(Spec):
    """What is said of an SFT that is none of the study's own stages.

    `key` is where its specification stands, for messages. Where the checkpoint that it begins from is not `own`, it was
    not trained here. The weights after the steps `keep` are kept beside the last ones.
    """

    key: str = "study.stages.sft"
    own: bool = True
    keep: list[int] = []
    lora: Lora | None = None


def batch_problems(stage: SftStage | DpoStage, settings: PostTrainingConfig, key: str | None = None) -> Iterator[str]:
    """Why the batches of a stage, the last one of an epoch included, cannot be split as `settings` say: a line each.

    `key` is where the stage stands, where it is none of the study's.

    Every process must have as many examples as every other, so that the batch is the study's and its loss a plain mean.
    """
    key, count = key or f"study.stages.{stage_name(stage)}", examples(stage)
    at_once, last = settings.at_once(stage), count % stage.batch_size
    if at_once == stage.batch_size and settings.processes == 1:
        return
    told = f"post_training.processes {settings.processes} x micro_batch {settings.micro_batch_of(stage)} = {at_once}"
    if settings.packs(stage):
        least = min(count, stage.batch_size, last or stage.batch_size)
        if least < at_once:
            yield f"{key}.batch_size: a batch has {least:,} examples, fewer than {told} rows; lower these"
        return
    if stage.batch_size % at_once:
        yield f"{key}.batch_size: {stage.batch_size:,} is not a multiple of {told}; change one of them"
    elif last % at_once:
        counted = "conversations" if isinstance(stage, SftStage) else "pairs"
        yield (
            f"{key}.{counted}: {count:,} leaves {last:,} for an epoch's last batch of {stage.batch_size:,}, "
            f"not a multiple of {told}; {(count - last % at_once) or at_once:,} would do, or a smaller micro_batch"
        )


def stage_name(stage: SftStage | DpoStage) -> str:
    """`sft` or `dpo`."""
    return "sft" if isinstance(stage, SftStage) else "dpo"


def examples(stage: SftStage | DpoStage) -> int:
    """Conversations or pairs of an epoch."""
    return stage.conversations if isinstance(stage, SftStage) else stage.pairs
