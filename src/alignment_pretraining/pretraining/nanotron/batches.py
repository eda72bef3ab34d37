"""The local engine's batches, split over data-parallel replicas and micro-batches."""

from collections.abc import Iterator
from typing import Any

import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.study import TrainingStage


def micro_batches(
    stream: TokenStream, stage: TrainingStage, *, first: int, dp: int, dp_rank: int, micro_batch: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Micro-batches of one replica from step `first` on, in stream order.

    Step b takes the rows of the local engine's batch b; replica r has the r-th of `dp` equal parts of them. Each item:
    input_ids, label_ids int64 (micro_batch, context) and masks of ones.

    Raises:
        UserError: the stream is too short for the stage.
    """
    if len(stream) <= stage.tokens:
        raise UserError(f"{stream.folder}: {len(stream):,} tokens, but the stage needs {stage.tokens + 1:,}; mix again")
    rows = stage.batch_tokens // stage.context // dp
    for step in range(first, stage.steps):
        start = step * stage.batch_tokens + dp_rank * rows * stage.context
        own = torch.from_numpy(stream.sequences(start, rows, stage.context))
        for piece in own.split(micro_batch):
            mask = torch.ones(piece.shape[0], piece.shape[1] - 1, dtype=torch.bool)
            yield {
                "input_ids": piece[:, :-1].contiguous(),
                "input_mask": mask,
                "label_ids": piece[:, 1:].contiguous(),
                "label_mask": mask,
            }


def for_rank(batch: dict[str, torch.Tensor], pp_rank: int, input_rank: int, output_rank: int) -> dict[str, Any]:
    """What a pipeline rank holds of `batch`: tensors where they are read, pointers to those ranks elsewhere."""
    from nanotron.parallel.pipeline_parallel.tensor_pointer import TensorPointer

    owner = {"input_ids": input_rank, "input_mask": input_rank, "label_ids": output_rank, "label_mask": output_rank}
    return {key: batch[key] if pp_rank == rank else TensorPointer(group_rank=rank) for key, rank in owner.items()}
