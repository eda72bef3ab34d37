"""The question suites put to every checkpoint, through lm-evaluation-harness."""

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.binding import bind
from alignment_pretraining.pipelines.eval import nodes
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
    place = {"namespace": f"{link.arm}.seed{seed}", "tags": [link.arm, link.stage, f"seed{seed}"]}
    items = link.dataset(seed, "items")
    return [
        node(
            bind(nodes.evaluate_checkpoint, chat=link.stage in POST_STAGES),
            [link.dataset(seed, "checkpoint"), "suite", "params:evaluation"],
            items,
            name=f"evaluate_{link.stage}",
            **place,
        ),
        node(
            nodes.score_items,
            [items, "params:evaluation", link.dataset(seed, "training_summary")],
            link.dataset(seed, "scores"),
            name=f"score_{link.stage}",
            **place,
        ),
    ]
