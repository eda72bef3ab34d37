"""Pretraining, midtraining and continued pretraining of every base model."""

from kedro.pipeline import Node, Pipeline

from alignment_pretraining.pipelines.pretraining import nodes
from alignment_pretraining.pipelines.wiring import bind, link_node
from alignment_pretraining.study import Link, Study


def create_pipeline(study: Study) -> Pipeline:
    """One training node for each (arm, seed, base stage); arms with an equal history share it."""
    return Pipeline(
        [_train(link, seed) for link in study.base_links() for seed in study.seeds.base], tags="pretraining"
    )


def _train(link: Link, seed: int) -> Node:
    inputs = {
        "mix": link.dataset(seed, "mix"),
        "heldout": "heldout_tokens",
        "tokenizer": "tokenizer",
        "model": "params:study.model",
        "stage": f"params:study.stages.{link.stage}",
        "engine": "params:training",
        "scratch": "scratch",
    }
    if link.parent:
        inputs["start"] = link.parent.dataset(seed, "checkpoint")
    return link_node(
        "train",
        bind(nodes.train_stage, stage_name=link.stage, seed=seed),
        inputs,
        [link.dataset(seed, what) for what in ("checkpoint", "curve", "training_summary")],
        link,
        seed,
    )
