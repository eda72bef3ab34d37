"""What a study asks of its machines."""

import resource
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.machines import machine_of
from alignment_pretraining.planning.preflight.amounts import Amount, Need
from alignment_pretraining.planning.preflight.machine import disk_bytes, machine
from alignment_pretraining.planning.preflight.supply import Supply
from tests.planning.preflight.test_preflight import parameters

Usage = namedtuple("Usage", "total used free")


class Corpus(Supply):
    """A corpus of a thousand tokens."""

    def pool(self, name: str | None) -> Amount:
        """All of it."""
        return Amount(1_000, "told")


@pytest.fixture(scope="module")
def base() -> Parameters:
    """A study without a GPU; its arms share histories, three seeds are trained and one is post-trained."""
    return parameters("base")


def supply(spec: Parameters) -> Supply:
    return Corpus(spec, lambda name: name)


def needs(spec: Parameters, data: Path = Path()) -> dict[str, Need]:
    return {need.what: need for need in machine(spec, machine_of(spec), supply(spec), data)}


def with_study(spec: Parameters, **changes: Any) -> Parameters:
    return spec.model_copy(update={"study": spec.study.model_copy(update=changes)})


def test_disk_is_text_and_tokens_of_the_corpus_mixes_checkpoints_and_saves(base: Parameters) -> None:
    """One arm and seed: 1,000 tokens of 5 bytes of text packed 2.5 times, 2 bytes a token, 4 a parameter."""
    seeds = base.study.seeds.model_copy(update={"base": [0], "post_training": [0]})
    spec = with_study(base, run=["unfiltered"], seeds=seeds)
    stages, checkpoint = spec.study.stages, 4 * parameter_count(spec.study.model)
    mixes = 2 * (stages.pretraining.tokens + stages.midtraining.tokens)
    trained = ("pretraining", "midtraining", "sft", "dpo")
    expected = 1_000 * 5 / 2.5 + 2 * 1_000 + mixes + len(trained) * checkpoint + 3 * checkpoint
    assert disk_bytes(spec, None, supply(spec)) == pytest.approx(expected)


def test_every_seed_has_mixes_and_checkpoints_of_its_own(base: Parameters) -> None:
    def of(*seeds: int) -> float:
        chosen = base.study.seeds.model_copy(update={"base": list(seeds), "post_training": []})
        spec = with_study(base, run=["unfiltered"], seeds=chosen)
        return disk_bytes(spec, None, supply(spec))

    assert of(0, 1, 2) - of(0, 1) == pytest.approx(of(0, 1) - of(0))
    stages = base.study.stages
    tokens = stages.pretraining.tokens + stages.midtraining.tokens
    assert of(0, 1) - of(0) == pytest.approx(2 * tokens + 2 * 4 * parameter_count(base.study.model))


def test_an_arm_that_shares_its_history_takes_the_room_of_what_is_its_own(base: Parameters) -> None:
    def of(*arms: str) -> float:
        spec = with_study(base, run=list(arms), seeds=base.study.seeds.model_copy(update={"post_training": []}))
        return disk_bytes(spec, None, supply(spec))

    midtraining = 2 * base.study.stages.midtraining.tokens + 4 * parameter_count(base.study.model)
    assert of("unfiltered", "aligned_mid") - of("unfiltered") == pytest.approx(3 * midtraining)


def test_planned_streams_take_a_fortieth_of_written_ones(base: Parameters) -> None:
    planned = base.model_copy(update={"streams": "planned"})
    runs = base.study.base_stage_runs()
    tokens = 3 * sum(getattr(base.study.stages, run.stage).tokens for run in runs)
    saved = disk_bytes(base, None, supply(base)) - disk_bytes(planned, None, supply(planned))
    assert saved == pytest.approx((2 - 0.05) * tokens)


def test_saves_that_are_kept_for_good_are_in_the_disk_that_is_needed() -> None:
    paper = parameters("paper")
    assert paper.cluster is not None
    without = paper.cluster.model_copy(update={"keep_every": None})
    kept = {name: getattr(paper.study.stages, name).steps // 20_000 for name in ("pretraining", "midtraining", "cpt")}
    assert kept == {"pretraining": 5, "midtraining": 0, "cpt": 0}
    more = disk_bytes(paper, paper.cluster, supply(paper)) - disk_bytes(paper, without, supply(paper))
    weights_masters_and_moments = 2 + 3 * 4
    pretrainings = 5
    assert more == pytest.approx(5 * pretrainings * weights_masters_and_moments * parameter_count(paper.study.model))


def test_the_disk_is_that_of_the_nearest_folder_that_there_is(
    base: Parameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> Usage:
        asked.append(folder)
        return Usage(10, 5, 5)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    found = needs(base, tmp_path / "environments/mine/data")["disk"]
    assert asked == [tmp_path]
    assert found.here and found.is_short and found.has.count == 5


def test_what_the_study_itself_holds_already_is_no_shortage_of_disk(
    base: Parameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = disk_bytes(base, None, supply(base))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, wanted - 100))
    (tmp_path / "models").mkdir()
    (tmp_path / "models/gone").symlink_to(tmp_path / "nothing")
    assert needs(base, tmp_path)["disk"].is_short
    (tmp_path / "models/weights").write_bytes(b"x" * 100)
    assert needs(base, tmp_path)["disk"].verdict == "enough"


@pytest.mark.parametrize(
    ("limit", "verdict"), [(319, "short"), (320, "enough"), (1_024, "enough"), (resource.RLIM_INFINITY, "enough")]
)
def test_as_many_files_can_be_open_as_a_stream_reads(
    limit: int, verdict: str, base: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    found = needs(base)["open files"]
    assert found.here and found.verdict == verdict and found.setting == "ulimit -n 320"


def test_without_a_gpu_no_memory_of_one_is_needed(base: Parameters) -> None:
    assert set(needs(base)) == {"disk", "open files"}


@pytest.mark.parametrize(
    ("env", "setting"),
    [("gpu", "lower training.micro_batch_tokens, or set training.gradient_check"), ("paper", "raise tp or pp")],
)
def test_too_small_a_gpu_is_told_the_settings_of_who_trains(env: str, setting: str) -> None:
    spec = parameters(env)
    small: dict[str, Any] = {"gpu": spec.gpu.model_copy(update={"memory_gb": 1})} if spec.gpu else {}
    if spec.cluster:
        gpu = spec.cluster.gpu.model_copy(update={"memory_gb": 1})
        small["cluster"] = spec.cluster.model_copy(update={"gpu": gpu})
    found = needs(spec.model_copy(update=small))
    for name in ("pretraining", "midtraining"):
        need = found[f"{name}: memory of a GPU"]
        assert need.is_short and need.pipeline == "pretraining" and need.setting.startswith(setting)
        assert need.has == Amount(0.9e9, f"{'H200' if env == 'gpu' else 'H100'} SXM, less 10%")


def test_evaluation_on_the_processor_and_seeds_without_post_training_need_no_gpu_memory() -> None:
    gpu = parameters("gpu")
    assert {"sft: memory of a GPU", "dpo: memory of a GPU", "eval: memory of a GPU"} <= set(needs(gpu))
    here = gpu.evaluation.model_copy(update={"device": "cpu"})
    seeds = gpu.study.seeds.model_copy(update={"post_training": []})
    found = needs(with_study(gpu.model_copy(update={"evaluation": here}), seeds=seeds))
    assert {what for what in found if "memory" in what} == {
        "pretraining: memory of a GPU",
        "midtraining: memory of a GPU",
    }
