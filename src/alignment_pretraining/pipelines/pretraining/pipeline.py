"""Pretraining, midtraining and continued pretraining of every base model."""

from kedro.pipeline import Node, Pipeline

from alignment_pretraining.pipelines.pretraining import nodes
from alignment_pretraining.pipelines.wiring import bind, link_node
from alignment_pretraining.study import Link, Study


def create_pipeline(study: Study, on_cluster: bool = False) -> Pipeline:
    """One training node for each (arm, seed, base stage); arms with an equal history share it.

    On a cluster, `params:cluster` says how stages are spread over its GPUs.
    """
    return Pipeline(
        [_train(link, seed, on_cluster) for link in study.base_links() for seed in study.seeds.base],
        tags="pretraining",
    )


def _train(link: Link, seed: int, on_cluster: bool) -> Node:
    inputs = {
        "mix": link.dataset(seed, "mix"),
        "heldout": "heldout_tokens",
        "tokenizer": "tokenizer",
        "model": "params:study.model",
        "stage": f"params:study.stages.{link.stage}",
        "engine": "params:training",
        "scratch": "scratch",
    }
    if on_cluster:
        inputs["cluster"] = "params:cluster"
    if link.parent:
        inputs["start"] = link.parent.dataset(seed, "checkpoint")
    engine = nodes.train_stage_on_cluster if on_cluster else nodes.train_stage
    return link_node(
        "train",
        bind(engine, stage_name=link.stage, seed=seed),
        inputs,
        [link.dataset(seed, what) for what in ("checkpoint", "curve", "training_summary")],
        link,
        seed,
    )
