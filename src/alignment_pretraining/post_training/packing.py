"""Conversations laid end to end in rows, batch by batch: a batch is that of the study, whatever its rows."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.study import SftStage

if TYPE_CHECKING:
    from datasets import Dataset

Row = list[int]  # numbers of conversations


def packed(
    conversations: "Dataset", tokenizer: Any, stage: SftStage, settings: PostTrainingConfig
) -> tuple["Dataset", int]:
    """Rows of token ids of `conversations` for TRL, and how many make a batch.

    A conversation has the tokens that TRL gives it, cut at the stage's context.

    Raises:
        UserError: a batch has too few conversations for the rows that processes and micro-batch ask for.
    """
    from datasets import Dataset, Features, Sequence, Value

    def tokens(example: dict[str, Any]) -> dict[str, Any]:
        ids = tokenizer.apply_chat_template(example["messages"], tokenize=True, return_dict=True)["input_ids"]
        return {"input_ids": ids[: stage.context], "length": min(len(ids), stage.context)}

    read = conversations.map(tokens, remove_columns=conversations.column_names)
    rows, rows_a_batch = pack(read["length"][:], stage.context, stage.batch_size, settings.at_once(stage))

    def example(row: dict[str, Any]) -> dict[str, Any]:
        parts = [read[number]["input_ids"] for number in row["row"]]
        return {"input_ids": [token for part in parts for token in part], "seq_lengths": [len(part) for part in parts]}

    form = Features({"input_ids": Sequence(Value("int32")), "seq_lengths": Sequence(Value("int32"))})
    return Dataset.from_dict({"row": rows}).map(example, remove_columns=["row"], features=form), rows_a_batch


def pack(lengths: Sequence[int], context: int, batch_size: int, multiple: int) -> tuple[list[Row], int]:
    """Rows of at most `context` tokens, for conversations of `lengths`, and how many rows make a batch.

    A conversation is at most `context` tokens long. Each batch of `batch_size` conversations is packed by itself and
    has as many rows as any other, a multiple of `multiple`; the last one may have fewer.

    Raises:
        UserError: a batch has fewer conversations than it must have rows.
    """
    starts = range(0, len(lengths), batch_size)
    batches = [range(start, min(start + batch_size, len(lengths))) for start in starts]
    fitted = [list(_first_fit(lengths, batch, context)) for batch in batches]
    needed = [-(-len(rows) // multiple) * multiple for rows in fitted]
    counts = [max(needed)] * (len(batches) - 1) + needed[-1:]
    for batch, count in zip(batches, counts, strict=True):
        if len(batch) < count:
            raise UserError(
                f"an SFT batch of {len(batch)} conversations must have {count} packed rows, a multiple of "
                f"post_training.processes x micro_batch = {multiple}; lower them, or turn post_training.packing off"
            )
    rows = [row for found, count in zip(fitted, counts, strict=True) for row in _spread(found, count)]
    return rows, counts[0]


def _first_fit(lengths: Sequence[int], numbers: Sequence[int], context: int) -> Iterator[Row]:
    """The longest first, each into the first row that has room."""
    rows: list[Row] = []
    room: list[int] = []
    for number in sorted(numbers, key=lambda number: -lengths[number]):
        place = next((place for place, left in enumerate(room) if left >= lengths[number]), len(rows))
        if place == len(rows):
            rows.append([])
            room.append(context)
        rows[place].append(number)
        room[place] -= lengths[number]
    yield from rows


def _spread(rows: list[Row], count: int) -> list[Row]:
    """The rows, parted until there are `count`."""
    rows = [list(row) for row in rows]
    while len(rows) < count:
        longest = max(rows, key=len)
        half = len(longest) // 2
        rows.append(longest[half:])
        del longest[half:]
    return rows
