"""The state of an unfinished run, from which it goes on to bit-identical weights."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

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


class StateWriter:
    """Keeps states of a run in its folder while the run goes on: it waits for a copy in memory alone.

    One state at a time is written. An error in writing is raised by the next `save`, or at the end. Of the states that
    are whole, the `last` newest stay, and those at multiples of `every` steps.
    """

    def __init__(self, folder: Path, last: int, every: int | None) -> None:
        self._folder, self._last, self._every = folder, last, every
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown()
        if kind is None:
            self._wait()

    def save(self, model: Any, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
        """Keep weights, optimizer, random state and progress; the number of rows is the data position."""
        self._wait()
        state = {
            "model": _copy(model.state_dict()),
            "optimizer": _copy(optimizer.state_dict()),
            "random": torch.get_rng_state(),
            "rows": list(progress.rows),
            "samples": dict(progress.samples),
        }
        self._writing = self._thread.submit(self._write, state)

    def _wait(self) -> None:
        if self._writing:
            self._writing.result()

    def _write(self, state: dict[str, Any]) -> None:
        path = self._folder / f"state_{len(state['rows']):08d}.pt"
        with atomic_file(path) as stream:  # torch, given a path, does not say that the disk is full
            torch.save(state, stream)
        # A state counts once its hash stands beside it.
        write_atomically(_hash_of(path), lambda temporary: temporary.write_text(file_md5(path)))
        prune_states(self._folder, self._last, self._every)


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


def _copy(value: Any) -> Any:
    """A copy in the processor's memory of what a state holds."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value
