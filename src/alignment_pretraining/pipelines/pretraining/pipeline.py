"""Pretraining, midtraining and continued pretraining of every base model."""

from typing import Literal

from kedro.pipeline import Node, Pipeline

from alignment_pretraining.pipelines.pretraining import nodes
from alignment_pretraining.pipelines.wiring import bind, link_node
from alignment_pretraining.study import Link, Study


def create_pipeline(study: Study, machine: Literal["cpu", "gpu", "cluster"] = "cpu") -> Pipeline:
    """One training node for each (arm, seed, base stage); arms with an equal history share it.

    On a cluster, `params:cluster` says how stages are spread over its GPUs; of a GPU, `params:gpu` says its peak.
    """
    return Pipeline(
        [_train(link, seed, machine) for link in study.base_links() for seed in study.seeds.base],
        tags="pretraining",
    )


def _train(link: Link, seed: int, machine: str) -> Node:
    inputs = {
        "mix": link.dataset(seed, "mix"),
        "heldout": "heldout_tokens",
        "tokenizer": "tokenizer",
        "model": "params:study.model",
        "stage": f"params:study.stages.{link.stage}",
        "engine": "params:training",
        "scratch": "scratch",
    }
    if machine == "cluster":
        inputs["cluster"] = "params:cluster"
    if machine == "gpu":
        inputs["peak_tflops"] = "params:gpu.peak_tflops"
    if link.parent:
        inputs["start"] = link.parent.dataset(seed, "checkpoint")
    engine = nodes.train_stage_on_cluster if machine == "cluster" else nodes.train_stage
    return link_node(
        "train",
        bind(engine, stage_name=link.stage, seed=seed),
        inputs,
        [link.dataset(seed, what) for what in ("checkpoint", "curve", "training_summary")],
        link,
        seed,
    )
