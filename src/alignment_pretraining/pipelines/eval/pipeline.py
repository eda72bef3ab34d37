"""The question suites put to every checkpoint, through lm-evaluation-harness."""

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.eval import nodes
from alignment_pretraining.pipelines.wiring import bind, link_node
from alignment_pretraining.study import POST_STAGES, Link, Study


def create_pipeline(study: Study) -> Pipeline:
    """The suite, then per-item results and scores of every checkpoint of the study."""
    suite = node(
        nodes.prepare_suite,
        ["questions", "params:evaluation", "scratch"],
        "suite",
        name="prepare_suite",
        namespace="suite",
    )
    checkpoints = [
        evaluation for link in study.links() for seed in study.seeds_of(link) for evaluation in _evaluate(link, seed)
    ]
    return Pipeline([suite, *checkpoints], tags="eval")


def _evaluate(link: Link, seed: int) -> list[Node]:
    items = link.dataset(seed, "items")
    ask = bind(nodes.evaluate_checkpoint, chat=link.stage in POST_STAGES)
    checkpoint, summary = link.dataset(seed, "checkpoint"), link.dataset(seed, "training_summary")
    return [
        link_node("evaluate", ask, [checkpoint, "suite", "params:evaluation"], items, link, seed),
        link_node(
            "score",
            nodes.score_items,
            [items, "params:evaluation", summary],
            link.dataset(seed, "scores"),
            link,
            seed,
        ),
    ]
