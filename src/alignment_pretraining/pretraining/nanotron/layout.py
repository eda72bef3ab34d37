"""How a stage is spread over GPUs, and whether it can be: checked before anything is launched."""

from typing import Literal

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.core.spec import Positive, Spec
from alignment_pretraining.study import TrainingStage

# nanotron 0.4 has no setting for the rotary base: its training path builds it with flash-attn's default.
ROTARY_BASE = 10_000.0


class Layout(Spec):
    """Data x tensor x pipeline parallelism. `micro_batch` counts sequences; accumulation follows from the batch."""

    dp: Positive = 1
    tp: Positive = 1
    pp: Positive = 1
    micro_batch: Positive = 1
    zero: Literal[0, 1] = 1
    recompute: bool = False
    sequence_parallel: bool = False
    pipeline: Literal["1f1b", "afab"] = "1f1b"
    dtype: Literal["bfloat16", "float32"] = "bfloat16"

    @property
    def gpus(self) -> int:
        """Processes, one a GPU."""
        return self.dp * self.tp * self.pp

    def accumulation(self, stage: TrainingStage) -> int:
        """Micro-batches that each data-parallel replica runs in one optimizer step."""
        return stage.batch_tokens // stage.context // (self.dp * self.micro_batch)

    def __str__(self) -> str:
        return f"dp {self.dp} x tp {self.tp} x pp {self.pp}"


def check_layout(model: Model, stage: TrainingStage, layout: Layout, gpus: int | None = None) -> None:
    """Refuse a layout that cannot run `stage`; `gpus` is how many there are, where that is known.

    Raises:
        UserError: every reason, with its numbers.
    """
    problems = [*_model_problems(model, layout), *_batch_problems(stage, layout)]
    if gpus is not None and layout.gpus > gpus:
        problems.append(f"{layout} needs {layout.gpus} GPUs, there are {gpus}")
    if problems:
        raise UserError(f"this stage cannot run at {layout}:\n  " + "\n  ".join(problems))


def _model_problems(model: Model, layout: Layout) -> list[str]:
    problems = [
        f"{name} {value:,} is not a multiple of tp {layout.tp}"
        for name, value in (
            ("heads", model.heads),
            ("intermediate_size", model.intermediate_size),
            ("vocab_size", model.vocab_size),
        )
        if value % layout.tp
    ]
    if model.layers % layout.pp:
        problems.append(f"layers {model.layers} is not a multiple of pp {layout.pp}")
    if model.rope_theta != ROTARY_BASE:
        problems.append(f"rope_theta {model.rope_theta:,.0f}: nanotron 0.4 trains with {ROTARY_BASE:,.0f} alone")
    return problems


def _batch_problems(stage: TrainingStage, layout: Layout) -> list[str]:
    problems = []
    rows, at_once = stage.batch_tokens // stage.context, layout.dp * layout.micro_batch
    if rows % at_once:
        problems.append(
            f"a batch of {stage.batch_tokens:,} tokens is {rows} sequences of {stage.context:,}, not a multiple of "
            f"dp {layout.dp} x micro_batch {layout.micro_batch} = {at_once}"
        )
    elif layout.accumulation(stage) < layout.pp and layout.pipeline == "1f1b":
        problems.append(
            f"{layout.accumulation(stage)} micro-batches a step cannot fill a pipeline of pp {layout.pp}: lower dp, "
            "micro_batch or pp"
        )
    if layout.sequence_parallel and stage.context % layout.tp:
        problems.append(f"context {stage.context:,} is not a multiple of tp {layout.tp} (sequence_parallel)")
    return problems
