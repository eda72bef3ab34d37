"""What our trainer changes in nanotron's: which weights decay, and which steps it shows after a kill."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.pretraining.nanotron import compatibility
from alignment_pretraining.pretraining.nanotron.batches import for_rank
from tests.pretraining.nanotron.tiny_cluster import STAGE

NAMES = ["decoder.0.input_layernorm.weight", "decoder.0.attn.qkv_proj.weight", "final_layer_norm.pp_block.weight"]


@pytest.fixture(autouse=True)
def _prepared() -> None:
    compatibility.prepare()


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A trainer that was never set up, in the one rank that logs."""
    from alignment_pretraining.pretraining.nanotron.trainer import StageTrainer

    monkeypatch.setattr("nanotron.distributed.get_rank", lambda group: 0)
    made: Any = StageTrainer.__new__(StageTrainer)
    made.parallel_context, made.logger_ranks = SimpleNamespace(world_pg=None), [0]
    return made


@pytest.mark.parametrize("grouped", [False, True])
def test_norms_do_not_decay_however_nanotron_gives_the_weights(grouped: bool) -> None:
    from alignment_pretraining.pretraining.nanotron.trainer import _split_norms

    pairs = [(name, torch.zeros(1)) for name in NAMES]
    given: list[Any] = [{"named_params": pairs[:1]}, {"named_params": pairs[1:]}] if grouped else pairs
    decayed, norms = _split_norms(given)
    assert [name for name, _ in decayed["named_params"]] == NAMES[1:2] and "weight_decay" not in decayed
    assert [name for name, _ in norms["named_params"]] == [NAMES[0], NAMES[2]] and norms["weight_decay"] == 0.0


def test_a_rank_without_norms_has_one_group() -> None:
    from alignment_pretraining.pretraining.nanotron.trainer import _split_norms

    assert len(_split_norms([(NAMES[1], torch.zeros(1))])) == 1 and _split_norms([]) == []


@pytest.mark.parametrize(("step", "left"), [(0, 0), (2, 2), (5, 3)])
def test_steps_after_the_last_save_are_made_again(tmp_path: Path, trainer: Any, step: int, left: int) -> None:
    metrics = tmp_path / "metrics.jsonl"
    lines = ['{"step": 1}\n', '{"step": 2}\n', '{"st']
    metrics.write_text("".join(lines))
    trainer.section, trainer.start_iteration_step = SimpleNamespace(metrics=metrics), step
    trainer._cut_metrics()
    assert metrics.read_text() == "".join(lines[:left])


@pytest.mark.parametrize(
    ("loss", "norm", "skipped", "told"),
    [
        (2.0, 1.0, 0, None),
        (2.0, float("nan"), 1, None),
        (2.0, float("inf"), 2, r"in step 3: its batch is tokens 512 to 768 of mix \(training\.skip_nonfinite is 1\)"),
        (float("nan"), 1.0, 0, r"loss nan with gradient norm 1\.0 in step 3"),
    ],
    ids=["finite", "left out", "one too many", "a loss without its gradient"],
)
def test_a_batch_that_is_not_finite_is_named_and_left_out_as_often_as_is_allowed(
    trainer: Any, tmp_path: Path, loss: float, norm: float, skipped: int, told: str | None
) -> None:
    metrics = tmp_path / "metrics.jsonl"
    trainer.section = SimpleNamespace(metrics=metrics, mix="mix", skip_nonfinite=1)
    trainer.iteration_step, trainer.spec, trainer._skipped, trainer.iteration_start_time = 3, STAGE, skipped, 0.0
    trainer.live = SimpleNamespace(add=lambda row, last: None)
    if told:
        with pytest.raises(RuntimeError, match=told):
            trainer._log(loss, norm)
        assert not metrics.exists()
    else:
        trainer._log(loss, norm)
        assert '"step": 3, "tokens": 768' in metrics.read_text()


def test_a_pipeline_rank_holds_what_it_reads_and_knows_who_has_the_rest() -> None:
    batch = {key: torch.zeros(1) for key in ("input_ids", "input_mask", "label_ids", "label_mask")}
    first, middle = for_rank(batch, 0, 0, 3), for_rank(batch, 1, 0, 3)
    assert first["input_ids"] is batch["input_ids"] and first["label_ids"].group_rank == 3
    assert [middle[key].group_rank for key in batch] == [0, 0, 3, 3]
    alone = for_rank(batch, 0, 0, 0)
    assert all(alone[key] is batch[key] for key in batch)


@pytest.mark.parametrize("found", ["0.3", None])
def test_another_version_of_nanotron_is_refused_with_the_one_to_install(
    monkeypatch: pytest.MonkeyPatch, found: str | None
) -> None:
    from importlib import metadata

    def version(name: str) -> str:
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.delitem(sys.modules, "nanotron.trainer")
    told = rf"needs nanotron 0\.4, found {found or 'none'}: pip install nanotron==0\.4"
    with pytest.raises(UserError, match=told):
        compatibility.prepare()
