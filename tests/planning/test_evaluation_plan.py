"""What evaluating checkpoints from elsewhere takes, before anything of them is here."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.benchmarks import benchmark_costs
from alignment_pretraining.planning.commands import plan_benchmarks, plan_evaluation
from alignment_pretraining.planning.evaluation import make_evaluation_plan
from alignment_pretraining.planning.stand_ins.benchmarks import write_benchmarks
from tests.evaluation.small_models import cache_suite

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Parameters:
    """The shipped environment, with an empty hub cache and no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    files = [file for env in ("base", "released") for file in sorted((CONF / env).glob("*.yml"))]
    merged = OmegaConf.merge(*(OmegaConf.load(file) for file in files if not file.name.startswith("catalog")))
    values: Any = OmegaConf.to_container(merged)
    return Parameters.model_validate(values)


def test_the_shipped_environment_is_planned_from_what_is_written_in_it(
    released: Parameters, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, evaluation, sources, gpu = released.study, released.evaluation, released.suite_sources, released.gpu
    plan = make_evaluation_plan(study, evaluation, sources, gpu, None)
    assert len(plan.checkpoints) == 22
    base = plan.checkpoints[0]
    # Five personas and a control, four templates in two orders, three protocols.
    assert (base.prompts, base.replies) == (4_174 * 6 * 8 * 3, 0)
    assert base.fetched == 2 * 6_856_253_440
    assert gpu is not None and base.scoring_hours == pytest.approx(
        2 * 6_856_253_440 * base.prompts * plan.questions.tokens / (gpu.peak_tflops * 1e12 * gpu.mfu) / 3600
    )
    assert plan.checkpoints[-1].replies == 4_174 * 6 * 8
    plan_evaluation(released, None)
    shown = capsys.readouterr().out
    for words in ("4,174 questions", "Downloads: 302 GB", "Disk: 302 GB", "hours of H200 SXM"):
        assert words in shown
    cache_suite(tmp_path, "geodesic-research/discourse-grounded-misalignment-evals")
    assert make_evaluation_plan(study, evaluation, sources, gpu, None).questions.count == 10
    small = gpu.model_copy(update={"memory_gb": 16})
    with pytest.raises(UserError, match=r"checkpoints.sfm_unfiltered needs about 16 GB, the H200 SXM has 16"):
        plan_evaluation(released.model_copy(update={"gpu": small}), None)


def test_benchmarks_are_planned(released: Parameters, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capability, gpu = released.capability, released.gpu
    assert {name: task.shots for name, task in capability.tasks.items()} == {
        "arc_easy": 25, "cute": 5, "gsm8k": 10, "ifeval": 0, "mmlu": 5, "piqa": 10, "popqa": 5
    }  # fmt: skip
    assert gpu is not None
    by_name = {cost.name: cost for cost in benchmark_costs(capability)}
    assert by_name["ifeval"].steps == -(-541 // 64) * 1_280
    assert by_name["mmlu"].read == 14_042 * 110 * 6 and by_name["mmlu"].fetched is None
    assert by_name["mmlu"].hours(6_856_253_440, gpu) == pytest.approx(
        2 * 6_856_253_440 * 14_042 * 110 * 6 / (gpu.peak_tflops * 1e12 * gpu.mfu) / 3600
    )
    plan_benchmarks(released)
    assert "22 checkpoints: at most" in capsys.readouterr().out
    write_benchmarks(capability, CONF.parent / "data/01_raw", tmp_path, 4)
    few = capability.model_copy(update={"limit": 2})
    held = {cost.name: cost for cost in benchmark_costs(few)}
    assert (held["mmlu"].questions, held["mmlu"].fetched) == (2 * 57, 0)
    plan_benchmarks(released.model_copy(update={"capability": few}))
    assert f"popqa: {held['popqa'].commit}" in capsys.readouterr().out
