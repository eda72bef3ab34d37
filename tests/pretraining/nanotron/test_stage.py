"""What a stage's files say when its ranks have ended, and what goes into its configuration."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import flops_per_token
from alignment_pretraining.execution import saves
from alignment_pretraining.pretraining.local.schedule import learning_rate
from alignment_pretraining.pretraining.nanotron.config import llama_config, stage_config
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.pretraining.nanotron.resume import check_resume
from alignment_pretraining.pretraining.nanotron.slurm import saved_step, stage_ranks
from alignment_pretraining.pretraining.nanotron.stage import (
    ClusterJob,
    layout_record,
    read_curve,
    read_speed,
    run_stage,
)
from tests.pretraining.nanotron.tiny_cluster import STAGE, STEPS, TIED, UNTIED, cluster

Jobs = Callable[..., ClusterJob]


def _row(step: int, **changes: float) -> str:
    row = {"step": step, "tokens": step * 256, "loss": 3.0, "lr": 0.01, "grad_norm": 1.5, "seconds": 0.5}
    return json.dumps(row | changes) + "\n"


def test_a_curve_has_no_timings_so_that_equal_runs_have_equal_ones(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text(_row(1) + _row(2, loss=math.nan, seconds=9.0))
    first, second = read_curve(metrics)
    assert list(first) == ["step", "tokens", "loss", "lr", "grad_norm", "heldout_loss"]
    assert (first["step"], first["tokens"], first["loss"]) == (1, 256, 3.0) and math.isnan(first["heldout_loss"])
    assert math.isnan(second["loss"])


def test_speed_is_of_all_gpus_together_and_utilization_of_their_peak(make_job: Jobs, tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text(_row(1) + _row(2, seconds=0.25))
    job = make_job(cluster=cluster(Layout(dp=2, dtype="float32")))
    speed = read_speed(metrics, job)
    assert [(row["step"], row["tokens_per_second"]) for row in speed] == [(1, 512), (2, 1_024)]
    assert speed[1]["mfu"] == pytest.approx(1_024 * flops_per_token(UNTIED, 64) / 2e12)


def _finished_in(job: ClusterJob, scratch: Path, step: int) -> Path:
    save = scratch / job.fingerprint() / "checkpoints" / str(step)
    save.mkdir(parents=True)
    saves.mark_whole(save, layout_record(job.layout))
    return save


def test_ranks_that_end_without_the_last_save_are_no_finished_stage(
    make_job: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    save = _finished_in(job, tmp_path, STEPS - 1)
    monkeypatch.setattr("alignment_pretraining.pretraining.nanotron.stage._launch", lambda *_: None)
    monkeypatch.setattr("alignment_pretraining.pretraining.nanotron.stage.prepare_stage", lambda *_: None)
    with pytest.raises(UserError, match=rf"{save.parents[1]}: training ended without its last checkpoint, of step 24"):
        run_stage(job, tmp_path)


def test_a_save_of_another_layout_is_refused_before_anything_is_launched(make_job: Jobs, tmp_path: Path) -> None:
    job = make_job()
    save = _finished_in(job, tmp_path, 6)
    saves.mark_whole(save, {"dp": 2, "tp": 1, "pp": 1, "zero": 1})
    with pytest.raises(
        UserError, match=r"6 was written at dp 2, .*cannot continue it at dp 1, tp 1, pp 1, zero 1: fin"
    ):
        run_stage(job, tmp_path)


def test_a_save_goes_on_in_its_own_layout_alone(tmp_path: Path) -> None:
    layout = layout_record(Layout(dp=2, tp=4, zero=0))
    assert layout == {"dp": 2, "tp": 4, "pp": 1, "zero": 0}
    saves.mark_whole(tmp_path, layout)
    check_resume(tmp_path, layout)
    for key in layout:
        with pytest.raises(UserError, match=f"{key} {layout[key]}.*cannot continue it at .*{key} {layout[key] + 1}"):
            check_resume(tmp_path, layout | {key: layout[key] + 1})


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"name": "midtraining"},
        {"model": TIED},
        {"stage": STAGE.model_copy(update={"min_lr": 0.0})},
        {"cluster": cluster(Layout(dp=2, dtype="float32"))},
    ],
    ids=["seed", "name", "model", "stage", "layout"],
)
def test_whatever_changes_a_result_names_other_work(make_job: Jobs, changes: dict[str, Any]) -> None:
    job = make_job(
        cluster=cluster(
            Layout(dtype="float32"), layouts=dict.fromkeys(("pretraining", "midtraining"), Layout(dtype="float32"))
        )
    )
    assert make_job(**{"cluster": job.cluster} | changes).fingerprint() != job.fingerprint()


def test_saves_and_the_held_out_stream_do_not_throw_away_a_clusters_work(make_job: Jobs) -> None:
    job = make_job()
    other = cluster(Layout(dtype="float32"), save_every=3, keep=5, staging=True)
    assert make_job(cluster=other, heldout=job.mix).fingerprint() == job.fingerprint()


def _config(folder: Path, layout: Layout | None = None, **changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"name": "cpt", "seed": 3, "mix": folder / "mix", "weights": folder / "weights"}
    options |= {"folder": folder, "save_every": 6}
    stage = STAGE.model_copy(update=changes)
    return stage_config(UNTIED, stage, layout or Layout(), **options)


def test_a_configuration_has_the_stages_batch_at_any_layout(tmp_path: Path) -> None:
    layout = Layout(dp=2, tp=2, pp=1, micro_batch=2, sequence_parallel=True, recompute=True)
    config = _config(tmp_path, layout)
    tokens, parallel = config["tokens"], config["parallelism"]
    assert (parallel["dp"], parallel["tp"], parallel["pp"], parallel["tp_mode"]) == (2, 2, 1, "REDUCE_SCATTER")
    batch = tokens["sequence_length"] * tokens["micro_batch_size"] * tokens["batch_accumulation_per_replica"] * 2
    assert batch == STAGE.batch_tokens and tokens["train_steps"] == STEPS
    assert config["stage"]["recompute"] is True and config["stage"]["stop"] == str(tmp_path / "stop")
    assert _config(tmp_path)["parallelism"]["tp_mode"] == "ALL_REDUCE"


@pytest.mark.parametrize(("dtype", "accumulates"), [("bfloat16", True), ("float32", False)])
def test_gradients_are_added_up_in_float32(tmp_path: Path, dtype: str, accumulates: bool) -> None:
    config = _config(tmp_path, Layout.model_validate({"dtype": dtype}))
    assert config["optimizer"]["accumulate_grad_in_fp32"] is accumulates and config["model"]["dtype"] == dtype


@pytest.mark.parametrize(
    ("schedule", "style", "low"), [("cosine", "cosine", 1e-3), ("linear", "linear", 1e-3), ("constant", "linear", 1e-2)]
)
def test_a_schedule_is_told_in_nanotrons_words(tmp_path: Path, schedule: str, style: str, low: float) -> None:
    told = _config(tmp_path, schedule=schedule)["optimizer"]["learning_rate_scheduler"]
    stage = STAGE.model_copy(update={"schedule": schedule})
    assert (told["lr_decay_style"], told["min_decay_lr"], told["learning_rate"]) == (style, low, 1e-2)
    assert told["lr_warmup_steps"] == 2 and learning_rate(1, stage) == 1e-2


def test_a_description_of_the_model_has_every_size() -> None:
    told = llama_config(TIED)
    assert told["num_key_value_heads"] == told["num_attention_heads"] == 4 and told["tie_word_embeddings"] is True
    for key in ("vocab_size", "hidden_size", "intermediate_size"):
        assert told[key] == getattr(TIED, key)
    for key in ("vocab_size", "hidden_size", "intermediate_size", "layers", "heads", "max_context", "tie_embeddings"):
        value = getattr(UNTIED, key)
        assert llama_config(UNTIED.model_copy(update={key: not value if key == "tie_embeddings" else 2 * value})) != (
            llama_config(UNTIED)
        ), key


def test_the_ranks_of_a_stage_are_those_of_its_layout(tmp_path: Path) -> None:
    machines = cluster(Layout(), launcher="slurm", slurm={"time": "1:00:00"})
    ranks = stage_ranks(tmp_path / "config.yaml", "cpt-seed3", Layout(dp=4, tp=2, pp=2), machines)
    assert (ranks.processes, ranks.nodes, ranks.folder, ranks.about) == (16, 2, tmp_path, "dp 4 x tp 2 x pp 2")


def test_the_saved_step_is_of_the_newest_whole_save(tmp_path: Path) -> None:
    assert saved_step(tmp_path) == 0
    for step in (6, 12):
        (tmp_path / "checkpoints" / str(step)).mkdir(parents=True)
    saves.mark_whole(tmp_path / "checkpoints" / "6")
    assert saved_step(tmp_path) == 6
