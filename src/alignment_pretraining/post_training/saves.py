"""The saves of an unfinished stage, from which it goes on to the same weights."""

import json
import shutil
from pathlib import Path
from typing import Any

from alignment_pretraining.core.files import flush
from alignment_pretraining.execution import saves

SAVES, CURVE = "saves", "curve.jsonl"
KEPT = "kept"  # checkpoints of some steps, for good
_KEPT = 1  # whole saves; while one is written there are two


def newest_save(work: Path) -> Path | None:
    """The newest whole save of the stage in `work`, after a check of its files; None where there is none.

    Raises:
        UserError: a file is missing or has another size than was saved.
    """
    found = saves.newest(work / SAVES)
    if found:
        saves.verify(found)
    return found


def saved_step(work: Path) -> int:
    """The step of the newest whole save; 0 where there is none."""
    found = saves.newest(work / SAVES)
    return int(found.name) if found else 0


def keep_save(trainer: Path, work: Path, step: int) -> None:
    """Give what the Trainer wrote into its folder for `step` a name of its own, once it is whole; older ones go."""
    written, kept = trainer / f"checkpoint-{step}", work / SAVES / str(step)
    kept.parent.mkdir(exist_ok=True)
    shutil.rmtree(kept, ignore_errors=True)
    flush(written)
    written.rename(kept)
    saves.mark_whole(kept)
    saves.keep_newest(kept.parent, _KEPT)


def add_row(work: Path, row: dict[str, Any]) -> None:
    """Append a step to the curve of the stage in `work`."""
    with (work / CURVE).open("a") as stream:
        stream.write(json.dumps(row) + "\n")


def clear(work: Path, trainer: Path, step: int) -> None:
    """Drop what a killed run left after its last save, of `step`: parts of another save, and rows of the curve."""
    for part in trainer.glob("checkpoint-*"):
        shutil.rmtree(part)
    path = work / CURVE
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    work.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines[:step]))
