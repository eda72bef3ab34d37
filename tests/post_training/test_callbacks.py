"""Between two steps: what is told, saved and kept, and what ends a stage."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work
from alignment_pretraining.post_training.callbacks import Follow, Keep, Save, StopWhenDestroyed
from alignment_pretraining.post_training.config import Further, PostTrainingConfig
from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.post_training.saves import CURVE, saved_step
from alignment_pretraining.study import SftStage

SFT = SftStage(conversations=36, epochs=2, context=64, batch_size=8, max_lr=5e-3, warmup=0.1)
RECIPE = Recipe(Path("base"), SFT, 4, PostTrainingConfig())
LOGS = {"loss": "0.5", "learning_rate": 1e-3, "grad_norm": 2.0, "epoch": 0.5, "mean_token_accuracy": 0.1}


def _state(step: int, *, first: bool = True) -> Any:
    return SimpleNamespace(global_step=step, max_steps=10, is_world_process_zero=first)


def _arguments(folder: Path) -> Any:
    return SimpleNamespace(world_size=1, device=torch.device("cpu"), output_dir=str(folder))


def test_a_step_is_a_row_of_the_curve_by_our_names_without_counts_of_time(tmp_path: Path) -> None:
    with Work("sft", 10, unit="steps", done=2) as shown:
        follow = Follow(shown, tmp_path, None)
        follow.on_log(None, _state(3), None, logs=LOGS)
        follow.on_log(None, _state(4), None, logs={**LOGS, "rewards/margins": 0.25, "rewards/accuracies": 1.0})
        follow.on_log(None, _state(4), None, logs={"train_runtime": 9.0})
        follow.on_log(None, _state(5, first=False), None, logs=LOGS)
        assert shown.done == 4
    rows = [json.loads(line) for line in (tmp_path / CURVE).read_text().splitlines()]
    assert rows[0] == {"step": 3, "loss": 0.5, "lr": 1e-3, "grad_norm": 2.0}
    assert rows[1].items() >= {"step": 4, "reward_margin": 0.25, "reward_accuracy": 1.0}.items() and len(rows) == 2


def test_live_metrics_know_the_last_step(tmp_path: Path) -> None:
    sent: list[tuple[float, bool]] = []
    live: Any = SimpleNamespace(add=lambda row, last: sent.append((row["step"], last)))
    with Work("sft", 10, unit="steps") as shown:
        for step in (9, 10):
            Follow(shown, tmp_path, live).on_log(None, _state(step), None, logs=LOGS)
    assert sent == [(9, False), (10, True)]


@pytest.mark.parametrize(("name", "value"), [("loss", math.nan), ("grad_norm", math.inf), ("loss", "nan")])
def test_a_figure_that_is_no_number_ends_the_stage_with_where_and_what_to_lower(name: str, value: Any) -> None:
    stop = StopWhenDestroyed(RECIPE)
    stop.on_log(None, _state(6), None, logs=LOGS)
    stop.on_log(None, _state(6), None, logs=None)
    told = rf"^sft of base, seed 4: {name} {value} in step 7\. Lower study\.stages\.sft\.max_lr$"
    with pytest.raises(UserError, match=told):
        stop.on_log(None, _state(7), None, logs=LOGS | {name: value})
    other = Recipe(Path("base"), SFT, 4, PostTrainingConfig(), further=Further(key="emergent.sft"))
    with pytest.raises(UserError, match=r"Lower emergent\.sft\.max_lr$"):
        StopWhenDestroyed(other).on_log(None, _state(7), None, logs=LOGS | {name: value})


@pytest.mark.parametrize(
    ("step", "asked", "saves", "stops"),
    [
        (3, False, False, False),
        (4, False, True, False),
        (8, False, True, False),
        (5, True, True, True),
        (8, True, True, True),
        (10, False, False, False),
        (10, True, False, False),
    ],
)
def test_a_save_comes_so_often_and_where_the_stage_is_asked_to_leave_but_not_at_its_end(
    tmp_path: Path, step: int, asked: bool, saves: bool, stops: bool
) -> None:
    if asked:
        (tmp_path / "stop").touch()
    control: Any = SimpleNamespace(should_save=False, should_training_stop=False)
    Save(4, tmp_path).on_step_end(_arguments(tmp_path), _state(step), control)
    assert (control.should_save, control.should_training_stop) == (saves, stops)


def test_a_save_that_the_trainer_has_written_is_kept_as_whole(tmp_path: Path) -> None:
    written = tmp_path / "trainer" / "checkpoint-4"
    written.mkdir(parents=True)
    (written / "optimizer.pt").write_bytes(b"12345")
    Save(4, tmp_path).on_save(_arguments(tmp_path / "trainer"), _state(4), None)
    assert saved_step(tmp_path) == 4 and not written.exists()


@pytest.mark.parametrize(
    ("step", "first", "kept"), [(2, True, True), (3, True, False), (2, False, False), (10, True, False)]
)
def test_weights_are_kept_after_the_steps_that_are_asked_for_by_one_process_and_the_last_ones_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, first: bool, kept: bool
) -> None:
    written: list[tuple[Path, dict[str, Any]]] = []
    module = "alignment_pretraining.post_training.callbacks"
    monkeypatch.setattr(
        f"{module}.save_checkpoint", lambda model, start, folder, record: written.append((folder, record))
    )
    trainer: Any = SimpleNamespace(model=None)
    Keep(RECIPE, [2, 10], trainer, tmp_path).on_step_end(None, _state(step, first=first), None)
    record = {"stage": "sft", "seed": 4, "steps": step}
    assert written == ([(tmp_path / "kept" / str(step), record)] if kept else [])
