"""States are written while the run goes on, and hold what was there when they were asked for."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local.llama import new_model
from alignment_pretraining.pretraining.local.state import (
    Progress,
    StateWriter,
    prune_states,
    restore_state,
    saved_states,
    saved_step,
)


def _run() -> tuple[Any, torch.optim.Optimizer]:
    shape = Model(vocab_size=64, hidden_size=16, intermediate_size=16, layers=1, heads=2, max_context=16)
    model = new_model(shape, seed=0, eos=0, pad=1)
    optimizer = torch.optim.AdamW(model.parameters())
    _step(model, optimizer)
    return model, optimizer


def _step(model: Any, optimizer: torch.optim.Optimizer) -> None:
    model(torch.arange(8)[None]).logits.square().sum().backward()
    optimizer.step()


def _weights(model: Any, optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    moments = [value for one in optimizer.state_dict()["state"].values() for value in one.values()]
    return [value.detach().clone() for value in (*model.parameters(), *moments)]


def test_training_goes_on_while_a_state_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes nothing until the weights have changed; the state has those of before."""
    disk, write = threading.Event(), torch.save

    def slow(*args: Any) -> None:
        assert disk.wait(30)
        write(*args)

    monkeypatch.setattr(torch, "save", slow)
    model, optimizer = _run()
    rows = [{"step": 1.0}]
    before = _weights(model, optimizer)
    with StateWriter(tmp_path, last=1, every=None) as states:
        states.save(model, optimizer, Progress(rows))
        _step(model, optimizer)
        rows.append({"step": 2.0})
        assert not saved_states(tmp_path)
        disk.set()
    after = _weights(model, optimizer)
    assert not all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert restore_state(tmp_path, model, optimizer).rows == [{"step": 1.0}]
    assert all(map(torch.equal, before, _weights(model, optimizer)))


def test_only_the_newest_states_stay_and_those_at_multiples(tmp_path: Path) -> None:
    model, optimizer = _run()
    with StateWriter(tmp_path, last=2, every=3) as states:
        for step in range(1, 8):
            states.save(model, optimizer, Progress([{"step": float(one)} for one in range(step)]))
    assert [path.stem for path in saved_states(tmp_path)] == [f"state_{step:08d}" for step in (3, 6, 7)]


@pytest.mark.parametrize("saves", [1, 2])
def test_an_error_in_writing_ends_the_run(tmp_path: Path, saves: int) -> None:
    """By the next save or at the end, whichever comes first."""
    model, optimizer = _run()
    with pytest.raises(FileNotFoundError), StateWriter(tmp_path / "gone", last=1, every=None) as states:
        for _ in range(saves):
            states.save(model, optimizer, Progress())


def test_an_error_of_the_run_is_the_one_that_is_told(tmp_path: Path) -> None:
    model, optimizer = _run()
    with pytest.raises(ZeroDivisionError), StateWriter(tmp_path / "gone", last=1, every=None) as states:
        states.save(model, optimizer, Progress())
        raise ZeroDivisionError


def _saved(folder: Path, *steps: int) -> tuple[Any, torch.optim.Optimizer]:
    model, optimizer = _run()
    with StateWriter(folder, last=99, every=None) as states:
        for step in steps:
            states.save(model, optimizer, Progress([{"step": 1.0}] * step, {step: [step, 7]}))
    return model, optimizer


def test_rows_samples_and_random_numbers_go_on_from_the_newest_state(tmp_path: Path) -> None:
    torch.manual_seed(5)
    model, optimizer = _saved(tmp_path, 2, 11)
    expected = torch.rand(4)
    torch.manual_seed(6)
    progress = restore_state(tmp_path, model, optimizer)
    assert len(progress.rows) == saved_step(tmp_path) == 11 and progress.samples == {11: [11, 7]}
    assert torch.equal(torch.rand(4), expected)


def test_without_a_state_a_run_begins_at_the_beginning(tmp_path: Path) -> None:
    model, optimizer = _run()
    before = _weights(model, optimizer)
    assert restore_state(tmp_path, model, optimizer) == Progress() and saved_step(tmp_path) == 0
    assert all(map(torch.equal, before, _weights(model, optimizer)))


def test_a_state_whose_hash_was_not_written_is_passed_over(tmp_path: Path) -> None:
    """The run was killed between the two."""
    model, optimizer = _saved(tmp_path, 2, 3)
    (tmp_path / "state_00000003.md5").unlink()
    (tmp_path / ".state_00000004.pt.part").write_bytes(b"half of it")
    assert len(restore_state(tmp_path, model, optimizer).rows) == saved_step(tmp_path) == 2


@pytest.mark.parametrize(
    ("steps", "back"), [((3,), "the beginning of the stage"), ((2, 3), r"the state before it, state_00000002\.pt")]
)
def test_a_damaged_state_names_the_way_back(tmp_path: Path, steps: tuple[int, ...], back: str) -> None:
    model, optimizer = _saved(tmp_path, *steps)
    state = tmp_path / "state_00000003.pt"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)
    with pytest.raises(UserError, match=rf"state_00000003\.pt: not the state that was saved .*go on from {back}$"):
        restore_state(tmp_path, model, optimizer)


@pytest.mark.parametrize(
    ("last", "every", "left"),
    [
        (1, None, [6]),
        (2, None, [5, 6]),
        (9, None, [1, 2, 3, 4, 5, 6]),
        (0, None, []),
        (0, 2, [2, 4, 6]),
        (1, 4, [4, 6]),
    ],
)
def test_states_go_by_policy_and_none_is_left_of_a_finished_stage(
    tmp_path: Path, last: int, every: int | None, left: list[int]
) -> None:
    for step in range(1, 7):
        for suffix in ("pt", "md5"):
            (tmp_path / f"state_{step:08d}.{suffix}").touch()
    prune_states(tmp_path, last, every)
    assert [path.stem for path in saved_states(tmp_path)] == [f"state_{step:08d}" for step in left]
    assert len(list(tmp_path.iterdir())) == 2 * len(left)
