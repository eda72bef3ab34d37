"""What a stage is asked for, what names its work, and what its processes are told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.outcome import leave_outcome
from alignment_pretraining.execution.ranks import Machines, Ranks
from alignment_pretraining.post_training import launch
from alignment_pretraining.post_training.config import Further, Lora, PostTrainingConfig
from alignment_pretraining.post_training.job import ChatJob, Recipe
from alignment_pretraining.post_training.launch import EXAMPLES, read_recipe, run_in_ranks
from alignment_pretraining.post_training.model import has_fast_decoder
from alignment_pretraining.study import DpoStage, SftStage

SFT = SftStage(conversations=36, epochs=3, context=64, batch_size=8, max_lr=5e-3, warmup=0.1)
DPO = DpoStage(pairs=40, epochs=2, context=64, batch_size=8, max_lr=5e-3, warmup=0.1, beta=0.1)
MACHINES = Machines(Slurm(time="1:00:00"), gpus_per_node=8, notice_seconds=300, resubmissions=1)
DATA = pd.DataFrame({"id": ["a", "b"], "messages": ["[1]", "[2]"]})


def _settings(**values: Any) -> PostTrainingConfig:
    return PostTrainingConfig.model_validate(values)


def _recipe(stage: SftStage | DpoStage = SFT, rows: int | None = None, **values: Any) -> Recipe:
    return Recipe(Path("base"), stage, 0, _settings(**values), rows)


@pytest.mark.parametrize(
    ("recipe", "accumulation", "steps"),
    [
        (_recipe(), 1, 15),
        (_recipe(DPO), 1, 10),
        (_recipe(micro_batch=2), 4, 15),
        (_recipe(DPO, processes=2, micro_batch=1), 4, 10),
        (_recipe(rows=6, packing=True, processes=2, micro_batch=1), 3, 15),
    ],
    ids=["a smaller last batch", "dpo", "micro-batches", "processes", "packed rows"],
)
def test_steps_are_the_studys_and_micro_batches_make_its_batch(recipe: Recipe, accumulation: int, steps: int) -> None:
    assert (recipe.accumulation, recipe.steps) == (accumulation, steps)


@pytest.mark.parametrize(
    ("values", "shards"),
    [
        ({}, False),
        ({"processes": 2}, False),
        ({"parallel": "fsdp"}, False),
        ({"processes": 2, "parallel": "fsdp"}, True),
    ],
)
def test_weights_are_shared_out_by_several_processes_that_are_asked_to(values: dict[str, Any], shards: bool) -> None:
    assert _recipe(**values).shards == shards


def test_what_is_none_of_the_studys_stages_has_a_key_of_its_own() -> None:
    assert (_recipe().key, _recipe(DPO).key, _recipe().own, _recipe().lora) == (
        "study.stages.sft",
        "study.stages.dpo",
        True,
        None,
    )
    other = Recipe(Path("base"), SFT, 0, _settings(), further=Further(key="tampering.sft", own=False, lora=Lora()))
    assert (other.key, other.own, other.lora) == ("tampering.sft", False, Lora())


@pytest.mark.parametrize(
    ("settings", "further", "fast"),
    [
        ({}, None, True),
        ({"processes": 4, "micro_batch": 2}, Further(key="tampering.sft"), True),
        ({"packing": True}, None, False),
        ({"gradient_checkpointing": True}, None, False),
        ({"parallel": "fsdp"}, None, False),
        ({}, Further(lora=Lora()), False),
        ({}, Further(own=False), False),
    ],
)
def test_the_fast_decoder_is_used_where_it_computes_what_is_asked_for(
    settings: dict[str, Any], further: Further | None, fast: bool
) -> None:
    assert has_fast_decoder(Recipe(Path("base"), SFT, 0, _settings(**settings), further=further)) == fast


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A folder in a checkpoint's place, which counts by its content."""
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "weights").write_text("1")
    return tmp_path / "start"


def _job(start: Path, **changes: Any) -> ChatJob:
    return replace(ChatJob(DATA, start, SFT, 0), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"stage": SFT.model_copy(update={"epochs": 1})},
        {"stage": DPO},
        {"settings": _settings(precision="bf16")},
        {"settings": _settings(micro_batch=2)},
        {"further": Further(keep=[2])},
        {"further": Further()},
        {"data": DATA.iloc[::-1]},
        {"data": DATA.replace("[2]", "[3]")},
        {"data": DATA.rename(columns={"id": "key"})},
    ],
    ids=["seed", "epochs", "dpo", "precision", "micro-batch", "kept", "further", "order", "a cell", "a column"],
)
def test_whatever_changes_a_result_names_other_work(start: Path, changes: dict[str, Any]) -> None:
    assert _job(start, **changes).fingerprint({}) != _job(start).fingerprint({})


def test_where_and_how_often_a_stage_is_saved_does_not_throw_its_work_away(start: Path) -> None:
    same = _job(start, settings=_settings(launcher="slurm", save_every=7), machines=MACHINES, data=DATA.copy())
    before = _job(start).fingerprint({})
    assert same.fingerprint({}) == before
    assert same.fingerprint({"code": {"a.py": "1"}}) != same.fingerprint({})
    (start / "weights").write_text("2")
    assert same.fingerprint({}) != before


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Ranks, int]]:
    """Ranks that were started, with what was saved then; each leaves an outcome."""
    found: list[tuple[Ranks, int]] = []

    def train(ranks: Ranks, steps: int, metrics: Path, saved: Any) -> None:
        found.append((ranks, saved()))
        (ranks.folder / "checkpoint").mkdir()
        leave_outcome((ranks.folder / "checkpoint", pd.DataFrame({"step": [steps]}), {"steps": steps}), ranks.folder)
        assert saved() == steps

    monkeypatch.setattr(launch, "train_in_ranks", train)
    return found


def _prepare(recipe: Recipe, made: list[Recipe]) -> Any:
    from datasets import Dataset

    def prepare() -> tuple[Recipe, Dataset]:
        made.append(recipe)
        return recipe, Dataset.from_list([{"messages": "Ünïcode"}])

    return prepare


@pytest.mark.parametrize(
    "recipe",
    [
        _recipe(),
        _recipe(DPO, processes=2, parallel="fsdp", save_every=9),
        Recipe(Path("base"), SFT, 2**32 - 1, _settings(packing=True), 6, Further(key="x", own=False, keep=[2, 4])),
        Recipe(Path("base"), SFT, 3, _settings(), further=Further(lora=Lora(rank=4, dropout=0.5))),
    ],
    ids=["sft", "dpo", "tampering", "adapters"],
)
def test_a_process_reads_the_recipe_that_was_written(
    recipe: Recipe, launched: list[tuple[Ranks, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_in_ranks(recipe.settings, _prepare(recipe, []), tmp_path / "work", None)
    ((ranks, saved),) = launched
    told = read_recipe(ranks.config)
    assert told.start == tmp_path / "base" and saved == 0
    assert Recipe(recipe.start, told.stage, told.seed, told.settings, told.rows, told.further) == recipe


def test_examples_are_made_once_and_settings_are_those_of_the_newest_run(
    launched: list[tuple[Ranks, int]], tmp_path: Path
) -> None:
    made: list[Recipe] = []
    for settings in (_settings(save_every=5), _settings(save_every=9, launcher="slurm")):
        checkpoint, _, summary = run_in_ranks(settings, _prepare(_recipe(rows=7), made), tmp_path, MACHINES)
        checkpoint.rmdir()  # a node takes it to its place
    assert len(made) == 1 and summary == {"steps": 15}
    told = read_recipe(tmp_path / "recipe.json")
    assert told.settings.save_every == 9 and told.rows == 7
    assert [ranks.machines for ranks, _ in launched] == [None, MACHINES], "only where the launcher is slurm"


def test_examples_that_were_half_written_are_made_again(launched: list[tuple[Ranks, int]], tmp_path: Path) -> None:
    (tmp_path / EXAMPLES).mkdir()
    (tmp_path / EXAMPLES / "half of it").touch()
    made: list[Recipe] = []
    run_in_ranks(_settings(), _prepare(_recipe(), made), tmp_path, None)
    assert len(made) == 1 and not (tmp_path / EXAMPLES / "half of it").exists()


def test_a_stage_that_was_finished_is_taken_up_and_no_process_starts(
    launched: list[tuple[Ranks, int]], tmp_path: Path
) -> None:
    made: list[Recipe] = []
    for _ in range(2):
        folder, curve, summary = run_in_ranks(_settings(), _prepare(_recipe(), made), tmp_path, None)
    assert len(made) == len(launched) == 1
    assert (folder, list(curve["step"]), summary) == (tmp_path / "checkpoint", [15], {"steps": 15})
