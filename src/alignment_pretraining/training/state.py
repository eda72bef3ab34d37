"""The state of an unfinished run, from which it goes on to bit-identical weights."""

from pathlib import Path
from typing import Any

import torch

from alignment_pretraining.errors import UserError
from alignment_pretraining.training.files import write_atomically

FILE = "state.pt"

Row = dict[str, float]


def save_state(folder: Path, model: Any, optimizer: torch.optim.Optimizer, rows: list[Row]) -> None:
    """Keep weights, optimizer, random state and the curve so far; the number of rows is the data position."""
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "rows": rows,
    }
    write_atomically(folder / FILE, lambda path: torch.save(state, path))


def restore_state(folder: Path, model: Any, optimizer: torch.optim.Optimizer) -> list[Row]:
    """Put a kept state back in place and return its curve; an empty curve when there is none.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise UserError(
            f"{path}: the saved state of this run is damaged; delete it to start the stage again"
        ) from error
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    return list(state["rows"])
