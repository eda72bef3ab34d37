"""SFT, then DPO, the same for every arm."""

from kedro.pipeline import Node, Pipeline

from alignment_pretraining.pipelines.post_training import nodes
from alignment_pretraining.pipelines.wiring import bind, link_node
from alignment_pretraining.study import Link, Study

_STAGES = {"sft": (nodes.run_sft, "conversations"), "dpo": (nodes.run_dpo, "preferences")}


def create_pipeline(study: Study) -> Pipeline:
    """One SFT and one DPO node for each base model and post-training seed."""
    return Pipeline(
        [_train(link, seed) for link in study.post_links() for seed in study.seeds.post_training],
        tags="post_training",
    )


def _train(link: Link, seed: int) -> Node:
    assert link.parent is not None
    function, data = _STAGES[link.stage]
    return link_node(
        "train",
        bind(function, seed=seed),
        [data, link.parent.dataset(seed, "checkpoint"), f"params:study.stages.{link.stage}", "scratch"],
        [link.dataset(seed, what) for what in ("checkpoint", "curve", "training_summary")],
        link,
        seed,
    )
