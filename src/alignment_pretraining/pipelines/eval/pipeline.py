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
    arms = dict.fromkeys(link.arm for link in study.links())
    return Pipeline([suite, *checkpoints, *(_gather(study, arm) for arm in arms)], tags="eval")


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


def _gather(study: Study, arm: str) -> Node:
    """All that later pipelines need of an arm, in three datasets: else the graph would show dozens."""
    trained = [(link, seed) for link in study.links() if link.arm == arm for seed in study.seeds_of(link)]
    mixed = [(link, seed) for link, seed in trained if link.stage not in POST_STAGES]

    def named(what: str, of: list[tuple[Link, int]]) -> list[str]:
        return [link.dataset(seed, what) for link, seed in of]

    def labels(of: list[tuple[Link, int]]) -> list[str]:
        return [f"{link.arm}.seed{seed}.{link.stage}" for link, seed in of]

    results = [name for what in ("items", "curve", "training_summary", "scores") for name in named(what, trained)]
    return node(
        bind(nodes.gather_arm, labels(trained), labels(mixed)),
        results + named("manifest", mixed),
        [f"{arm}.items", f"{arm}.curves", f"{arm}.checkpoints"],
        name="gather",
        namespace=arm,
        tags=[arm],
    )
