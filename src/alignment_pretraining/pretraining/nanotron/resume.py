"""Whether nanotron can go on from a save."""

from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.saves import verify


def check_resume(checkpoint: Path, layout: dict[str, int]) -> None:
    """Refuse to go on from `checkpoint` in another layout: nanotron 0.4 cannot read its optimizer state there.

    Its loader looks for files named `-exp-`, and its writer names them `_exp-` (nanotron/serialize/optimizer.py).

    Raises:
        UserError: another layout, or a damaged checkpoint.
    """
    written = verify(checkpoint)
    if written != layout:
        before, now = (", ".join(f"{key} {each.get(key)}" for key in layout) for each in (written, layout))
        raise UserError(
            f"{checkpoint} was written at {before}, and nanotron 0.4 cannot continue it at {now}: finish the stage in "
            "the layout it began with (the next stage may have another), or delete its checkpoints to start it again"
        )
