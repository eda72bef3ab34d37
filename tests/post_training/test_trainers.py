"""TRL is told what the study says, and the same on one device as on several."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset

from alignment_pretraining.post_training.config import Further, Lora, PostTrainingConfig
from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.post_training.trainers import _options, _whole
from alignment_pretraining.study import DpoStage, SftStage

SFT = SftStage(conversations=36, epochs=3, context=48, batch_size=8, max_lr=5e-3, warmup=0.1)
DPO = DpoStage(pairs=40, epochs=2, context=64, batch_size=8, max_lr=1e-3, warmup=0.05, beta=0.1)


def _recipe(stage: SftStage | DpoStage = SFT, rows: int | None = None, **values: Any) -> Recipe:
    return Recipe(Path("base"), stage, 7, PostTrainingConfig.model_validate(values), rows)


@pytest.fixture(params=[False, True], ids=["cpu", "gpu"])
def cuda(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether there is a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param)
    return bool(request.param)


@pytest.mark.parametrize("stage", [SFT, DPO], ids=["sft", "dpo"])
def test_a_trainer_is_told_what_the_study_says(cuda: bool, stage: SftStage | DpoStage, tmp_path: Path) -> None:
    told = _options(_recipe(stage), tmp_path)
    study = {
        "num_train_epochs": stage.epochs,
        "max_length": stage.context,
        "learning_rate": stage.max_lr,
        "warmup_steps": stage.warmup,
        "seed": 7,
    }
    assert told.items() >= study.items()
    assert told["use_cpu"] is not cuda and told["report_to"] == "none"
    assert Path(told["output_dir"]).parent == tmp_path


@pytest.mark.parametrize(
    "recipe",
    [_recipe(), _recipe(micro_batch=2), _recipe(DPO, processes=4), _recipe(processes=2, micro_batch=1)],
    ids=["alone", "micro-batches", "processes", "both"],
)
def test_processes_and_micro_batches_make_the_studys_batch(recipe: Recipe, tmp_path: Path) -> None:
    told = _options(recipe, tmp_path)
    at_once = told["per_device_train_batch_size"] * recipe.settings.processes
    assert at_once * told["gradient_accumulation_steps"] == recipe.stage.batch_size


@pytest.mark.parametrize(
    ("values", "on_cpu", "on_gpu"),
    [
        ({}, False, True),
        ({"precision": "fp32"}, False, False),
        ({"precision": "bf16"}, False, True),
        ({"precision": "bf16", "packing": True}, True, True),
        ({"packing": True}, False, True),
    ],
)
def test_torch_computes_in_bf16_where_it_is_faster_and_our_own_decoder_does_not_do_so_itself(
    cuda: bool, tmp_path: Path, values: dict[str, Any], on_cpu: bool, on_gpu: bool
) -> None:
    assert _options(_recipe(**values), tmp_path)["bf16"] is (on_gpu if cuda else on_cpu)


def test_one_process_needs_no_others_and_several_meet_by_what_the_device_has(cuda: bool, tmp_path: Path) -> None:
    alone, ddp = (_options(_recipe(processes=count), tmp_path) for count in (1, 2))
    assert not {key for key in alone if key.startswith(("ddp", "fsdp"))}
    assert ddp["ddp_backend"] == ("nccl" if cuda else "gloo") and "fsdp" not in ddp


def test_sharded_processes_recompute_in_their_own_way(tmp_path: Path) -> None:
    told = _options(_recipe(processes=2, parallel="fsdp", gradient_checkpointing=True), tmp_path)
    assert told["fsdp"] is True and told["fsdp_config"]["activation_checkpointing"] is True
    assert told["activation_checkpointing"] is False
    assert _options(_recipe(gradient_checkpointing=True), tmp_path)["activation_checkpointing"] is True


@pytest.mark.parametrize(
    ("values", "left"),
    [({}, 41), ({"micro_batch": 2}, 40), ({"processes": 2}, 40), ({"processes": 4, "micro_batch": 2}, 40)],
)
def test_only_pairs_that_processes_cannot_share_evenly_are_left_out(values: dict[str, Any], left: int) -> None:
    pairs = Dataset.from_dict({"number": list(range(41))})
    assert _whole(_recipe(DPO, **values), pairs)["number"][:] == list(range(left))


def test_adapters_have_no_fast_decoder_so_that_torch_chooses(tmp_path: Path) -> None:
    recipe = Recipe(Path("base"), SFT, 7, PostTrainingConfig(precision="bf16"), further=Further(lora=Lora()))
    assert _options(recipe, tmp_path)["bf16"] is True
