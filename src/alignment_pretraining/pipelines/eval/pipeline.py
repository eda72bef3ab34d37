"""The question suites put to every checkpoint, through lm-evaluation-harness."""

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.eval import nodes
from alignment_pretraining.pipelines.wiring import bind, stage_node
from alignment_pretraining.study import POST_STAGES, StageRun, Study


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
        evaluation
        for stage_run in study.stage_runs()
        for seed in study.seeds_of(stage_run)
        for evaluation in _evaluate(stage_run, seed)
    ]
    return Pipeline([suite, *checkpoints], tags="eval")


def _evaluate(stage_run: StageRun, seed: int) -> list[Node]:
    items = stage_run.dataset(seed, "items")
    ask = bind(nodes.evaluate_checkpoint, chat=stage_run.stage in POST_STAGES)
    checkpoint, summary = stage_run.dataset(seed, "checkpoint"), stage_run.dataset(seed, "training_summary")
    return [
        stage_node("evaluate", ask, [checkpoint, "suite", "params:evaluation"], items, stage_run, seed),
        stage_node(
            "score",
            nodes.score_items,
            [items, "params:evaluation", summary],
            stage_run.dataset(seed, "scores"),
            stage_run,
            seed,
        ),
    ]
