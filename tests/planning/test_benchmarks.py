"""What giving checkpoints their benchmarks takes."""

from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from alignment_pretraining.core import hub
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.planning.benchmarks import BenchmarkCost, benchmark_costs, benchmark_tables, models_of
from alignment_pretraining.pretraining.nanotron.cluster import Gpu
from alignment_pretraining.study import Study
from tests.english import english
from tests.pretraining.nanotron.tiny_cluster import GPU


def capability(limit: int | None = None, batch_size: int = 8, **shots: int) -> Capability:
    """Tasks with as many shots, from folders; the study's own facts are from nowhere."""
    places: dict[str, dict[str, str]] = {"everyday_facts": {}}
    tasks = {name: {"shots": n, "metric": "acc", **places.get(name, {"folder": name})} for name, n in shots.items()}
    return Capability.model_validate({"tasks": tasks, "limit": limit, "batch_size": batch_size})


def study(**checkpoints: dict[str, Any]) -> Study:
    return Study.model_validate(english("study") | {"run": [], "contrasts": {}, "checkpoints": checkpoints})


def printed(study: Study, capability: Capability, gpu: Gpu | None = GPU) -> list[str]:
    console = Console(width=200)
    with console.capture() as kept:
        console.print(benchmark_tables(study, capability, gpu))
    return [" ".join(line.split()) for line in kept.get().splitlines()]


@pytest.mark.parametrize(
    ("task", "shots", "limit", "questions", "read", "steps"),
    [
        ("arc_easy", 0, None, 2_376, 2_376 * 4 * 40, 0),
        ("arc_easy", 25, 10, 10, 10 * 4 * 40 * 26, 0),
        ("mmlu", 5, 10, 570, 570 * 110 * 6, 0),
        ("gsm8k", 0, 9, 9, 9 * 170, 2 * 256),
        ("gsm8k", 0, 8, 8, 8 * 170, 256),
        ("cute", 0, 100_000, 14_000, 14_000 * 180, 1_750 * 64),
    ],
)
def test_a_benchmark_is_as_many_passes_over_its_prompts_and_as_many_steps(
    task: str, shots: int, limit: int | None, questions: int, read: int, steps: int
) -> None:
    (cost,) = benchmark_costs(capability(limit, **{task: shots}))
    assert (cost.questions, cost.read, cost.steps) == (questions, read, steps)


def test_a_benchmark_of_ones_own_has_no_known_size_and_is_here() -> None:
    (cost,) = benchmark_costs(capability(mine=0))
    assert cost == BenchmarkCost("mine", None, None, None, 0, None)
    assert cost.hours(10**9, GPU) is None
    assert "mine 0 ? ? ? 0" in printed(study(it={"folder": "it", "parameters": 10**9}), capability(mine=0))


def test_hours_are_of_reading_at_the_assumed_speed_and_of_steps_of_writing() -> None:
    cost = BenchmarkCost("any", 1, 9_000, 45_000, 0, None)
    assert cost.hours(10**9, GPU) == pytest.approx((2 * 10**9 * 9_000 / 0.5e12 + 45_000 * 0.04) / 3600)


def test_every_checkpoint_of_every_seed_is_given_them_and_those_from_elsewhere() -> None:
    values = english("study") | {"run": ["unfiltered"], "contrasts": {}}
    trained = Study.model_validate(values | {"checkpoints": {"other": {"folder": "it"}}})
    models = dict(models_of(trained))
    assert list(models) == [
        *(f"unfiltered.seed{seed}.{stage}" for stage in ("pretraining", "midtraining") for seed in (0, 1)),
        "unfiltered.seed0.sft",
        "unfiltered.seed0.dpo",
        "other",
    ]
    assert models["other"] is None and len({models[name] for name in list(models)[:-1]}) == 1


def test_totals_are_over_all_checkpoints_and_say_what_is_not_in_them() -> None:
    asked = capability(gsm8k=0)
    (cost,) = benchmark_costs(asked)
    hours = cost.hours(10**13, GPU)
    assert hours is not None and 2 * hours > 2_000
    two = study(a={"folder": "a", "parameters": 10**13}, b={"folder": "b", "parameters": 10**13})
    (line,) = [line for line in printed(two, asked) if "checkpoints" in line]
    shown = f"{float(f'{2 * hours:.2g}'):,.0f}"
    assert line == f"2 checkpoints: at most {shown} hours of tiny, {4 * hours:,.0f} USD (assumed)."
    more = study(a={"folder": "a", "parameters": 10**13}, b={"folder": "b"})
    assert any(line.endswith("(assumed); benchmarks of unknown size come on top.") for line in printed(more, asked))


@pytest.mark.parametrize(("gpu", "parameters"), [(None, 10**9), (GPU, None)])
def test_what_is_missing_for_hours_is_said(gpu: Gpu | None, parameters: int | None) -> None:
    lines = printed(study(a={"folder": "a", "parameters": parameters}), capability(gsm8k=0), gpu)
    assert "1 checkpoints. GPU-hours: give the environment a `gpu`, and checkpoints `parameters`." in lines


def test_what_is_fetched_is_what_the_cache_lacks_and_moving_revisions_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = "c" * 40
    held: Mapping[str, hub.Holding | None] = {
        "owner/moving": hub.Holding(300_000_000_000, 50_000_000_000, commit),
        "owner/pinned": hub.Holding(10, 10, commit),
        "owner/unknown": None,
    }
    monkeypatch.setattr(hub, "held", lambda name, *_: held[name])
    tasks = {
        task: {"shots": 0, "metric": "acc", "hub": name, "revision": revision}
        for task, name, revision in (
            ("piqa", "owner/moving", "main"),
            ("mmlu", "owner/pinned", commit),
            ("gsm8k", "owner/unknown", "main"),
        )
    }
    asked = Capability.model_validate({"tasks": tasks})
    assert [cost.fetched for cost in benchmark_costs(asked)] == [250_000_000_000, 0, None]
    lines = printed(study(a={"folder": "a"}), asked)
    assert any(line.startswith("piqa 0 1,838 ") and line.endswith(" 250") for line in lines)
    assert any(line.startswith("gsm8k 0 ") and line.endswith(" ?") for line in lines)
    assert lines[lines.index("Revisions to pin:") + 1 :] == [f"piqa: {commit}"]
