"""SFT, then DPO, the same for every arm."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from alignment_pretraining.parameters import Machine
from alignment_pretraining.pipelines.post_training import nodes
from alignment_pretraining.pipelines.wiring import bind, stage_node
from alignment_pretraining.study import StageRun, Study

# What runs a stage, what does so with a cluster, and the examples.
_STAGES: dict[str, tuple[Callable[..., Any], Callable[..., Any], str]] = {
    "sft": (nodes.run_sft, nodes.run_sft_with_cluster, "conversations"),
    "dpo": (nodes.run_dpo, nodes.run_dpo_with_cluster, "preferences"),
}


def create_pipeline(study: Study, machine: Machine = "cpu") -> Pipeline:
    """One SFT and one DPO node for each base model and post-training seed.

    `params:cluster` describes the machines of a cluster, or the one machine of an environment.
    """
    return Pipeline(
        [
            _train(stage_run, seed, machine)
            for stage_run in study.post_stage_runs()
            for seed in study.seeds.post_training
        ],
        tags="post_training",
    )


def _train(stage_run: StageRun, seed: int, machine: Machine) -> Node:
    assert stage_run.parent is not None
    here, with_cluster, data = _STAGES[stage_run.stage]
    described = machine in ("node", "cluster")
    inputs = [
        *(data, stage_run.parent.dataset(seed, "checkpoint"), f"params:study.stages.{stage_run.stage}"),
        *("params:post_training", "scratch"),
        *(["params:cluster"] if described else []),
    ]
    return stage_node(
        "train",
        bind(with_cluster if described else here, seed=seed),
        inputs,
        [stage_run.dataset(seed, what) for what in ("checkpoint", "curve", "training_summary")],
        stage_run,
        seed,
    )
