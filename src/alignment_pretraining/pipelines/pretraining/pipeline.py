"""Pretraining, midtraining and continued pretraining of every base model."""

from kedro.pipeline import Node, Pipeline

from alignment_pretraining.parameters import Machine
from alignment_pretraining.pipelines.pretraining import nodes
from alignment_pretraining.pipelines.wiring import bind, stage_node
from alignment_pretraining.study import StageRun, Study


def create_pipeline(study: Study, machine: Machine = "cpu") -> Pipeline:
    """One training node for each (arm, seed, base stage); arms with an equal history share it.

    `params:cluster` describes the machines of a cluster, and how nanotron spreads stages over them, or the one machine
    on which the local engine trains; of a single GPU, `params:gpu` says its peak.
    """
    return Pipeline(
        [_train(stage_run, seed, machine) for stage_run in study.base_stage_runs() for seed in study.seeds.base],
        tags="pretraining",
    )


def _train(stage_run: StageRun, seed: int, machine: Machine) -> Node:
    inputs = {
        "mix": stage_run.dataset(seed, "mix"),
        "heldout": "heldout_tokens",
        "tokenizer": "tokenizer",
        "model": "params:study.model",
        "stage": f"params:study.stages.{stage_run.stage}",
        "engine": "params:training",
        "scratch": "scratch",
    }
    if machine in ("node", "cluster"):
        inputs["cluster"] = "params:cluster"
    if machine == "gpu":
        inputs["peak_tflops"] = "params:gpu.peak_tflops"
    if stage_run.parent:
        inputs["start"] = stage_run.parent.dataset(seed, "checkpoint")
    on = {"cluster": nodes.train_stage_on_cluster, "node": nodes.train_stage_on_node}
    engine = on.get(machine, nodes.train_stage)
    return stage_node(
        "train",
        bind(engine, stage_name=stage_run.stage, seed=seed),
        inputs,
        [stage_run.dataset(seed, what) for what in ("checkpoint", "curve", "training_summary")],
        stage_run,
        seed,
    )
