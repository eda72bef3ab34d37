"""The state of an unfinished run, from which it goes on to bit-identical weights."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import atomic_file, write_atomically
from alignment_pretraining.core.hashing import file_md5

StepRow = dict[str, float]


@dataclass
class Progress:
    """What a run has to show so far: one row a step, and by step the text tokens that the model wrote."""

    rows: list[StepRow] = field(default_factory=list)
    samples: dict[int, list[int]] = field(default_factory=dict)


def save_state(folder: Path, model: Any, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Keep weights, optimizer, random state and progress; the number of rows is the data position.

    A state counts once its hash stands beside it.
    """
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "rows": progress.rows,
        "samples": progress.samples,
    }
    path = folder / f"state_{len(progress.rows):08d}.pt"
    with atomic_file(path) as stream:  # torch, given a path, does not say that the disk is full
        torch.save(state, stream)
    write_atomically(_hash_of(path), lambda temporary: temporary.write_text(file_md5(path)))


def restore_state(folder: Path, model: Any, optimizer: torch.optim.Optimizer) -> Progress:
    """Put the newest state back in place and return its progress; an empty one when there is no state.

    Raises:
        UserError: the state is not what was saved.
    """
    states = saved_states(folder)
    if not states:
        return Progress()
    path = states[-1]
    # The machine may have gone down since: what was read then says nothing of what the disk holds.
    if file_md5(path, trust_cache=False) != _hash_of(path).read_text():
        back = f"the state before it, {states[-2].name}" if len(states) > 1 else "the beginning of the stage"
        raise UserError(f"{path}: not the state that was saved (truncated or changed); delete it to go on from {back}")
    state = torch.load(path, weights_only=True, map_location=model.device)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"].cpu())
    return Progress(list(state["rows"]), dict(state["samples"]))


def prune_states(folder: Path, last: int, every: int | None) -> None:
    """Delete all states but the `last` newest and those at multiples of `every` steps."""
    states = saved_states(folder)
    for path in states[: max(len(states) - last, 0)]:
        if not every or _step_of(path) % every:
            path.unlink()
            _hash_of(path).unlink()


def saved_states(folder: Path) -> list[Path]:
    """The whole states in `folder`, oldest first."""
    return [path for path in sorted(folder.glob("state_*.pt")) if _hash_of(path).exists()]


def saved_step(folder: Path) -> int:
    """The step of the newest whole state; 0 where there is none."""
    states = saved_states(folder)
    return _step_of(states[-1]) if states else 0


def _step_of(state: Path) -> int:
    return int(state.stem.rpartition("_")[2])


def _hash_of(path: Path) -> Path:
    return path.with_suffix(".md5")
