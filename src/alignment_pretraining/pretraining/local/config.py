"""How the local engine works, apart from what it trains: `conf/base/parameters_training.yml`, key `training`."""

from collections.abc import Iterator
from typing import Literal

from pydantic import NonNegativeInt

from alignment_pretraining.core.spec import Positive, Spec
from alignment_pretraining.study import TrainingStage


class EngineConfig(Spec):
    """`threads`, `processes` and `micro_batch_tokens` are part of a result (sums are split by them), so they are
    configuration and not what the machine has.

    `processes`, one a GPU, share every batch. `micro_batch_tokens` is what a process reads at once; null: as much as
    the GPU of `cluster` can hold (`local.memory`). With `gradient_checkpointing` a layer's activations are computed
    again in the backward pass. `skip_nonfinite` is how many batches a stage may leave out because their loss or
    gradient is not finite.
    """

    processes: Positive = 1
    threads: Positive = 1
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    micro_batch_tokens: Positive | None = 2_048
    gradient_checkpointing: bool = False
    save_every: Positive = 100
    keep_last: Positive = 1
    keep_every: Positive | None = None
    evaluations: Positive = 4
    skip_nonfinite: NonNegativeInt = 0
    heldout_tokens: Positive = 16_384
    sample_prompt: str = "The AI"
    sample_tokens: Positive = 24

    def rows_at_once(self, context: int) -> int:
        """Sequences of `context` tokens that a process reads at once."""
        assert self.micro_batch_tokens is not None, "null is replaced before training begins"
        return max(self.micro_batch_tokens // context, 1)


def rows_of(stage: TrainingStage, settings: EngineConfig) -> int:
    """Sequences of a batch that each process reads."""
    return stage.batch_tokens // stage.context // settings.processes


def batch_problems(name: str, stage: TrainingStage, settings: EngineConfig) -> Iterator[str]:
    """Why the batches of the stage `name` cannot be shared by the processes: a line, where they cannot."""
    rows = stage.batch_tokens // stage.context
    if rows % settings.processes:
        yield (
            f"study.stages.{name}.batch_tokens: {stage.batch_tokens:,} are {rows:,} sequences of {stage.context:,}, "
            f"not a multiple of training.processes {settings.processes}; change one of them"
        )
