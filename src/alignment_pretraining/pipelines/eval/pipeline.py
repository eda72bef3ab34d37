"""The question suites put to every checkpoint, and to n-grams of what each arm read."""

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.core.labels import Label
from alignment_pretraining.pipelines.eval import nodes
from alignment_pretraining.pipelines.wiring import bind, stage_node
from alignment_pretraining.study import POST_STAGES, StageRun, Study


def create_pipeline(study: Study) -> Pipeline:
    """The suite, then per-item results and scores of every checkpoint of the study, and each arm's n-gram baseline."""
    suite = node(
        nodes.prepare_suite,
        ["questions", "params:evaluation", "scratch", "suites"],
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
    baselines = [_ngrams(study, arm, seed) for arm in study.selected_arms() for seed in study.seeds.base]
    return Pipeline([suite, *checkpoints, *baselines], tags="eval")


def _ngrams(study: Study, arm: str, seed: int) -> Node:
    """N-grams of all that the base model of `arm` read, which arms before it may own in part."""
    chain = study.chain(arm)
    sources = {name: None for stage_run in chain for name in study.mix(arm, stage_run.stage).sources}
    label = Label(arm, seed, "ngram")
    return node(
        bind(nodes.answer_ngrams, sources=list(sources)),
        ["tokenizer", "suite", "params:evaluation", *(stage_run.dataset(seed, "mix") for stage_run in chain)],
        label.dataset("items"),
        name="evaluate_ngrams",
        namespace=label.namespace,
        tags=[arm, f"seed{seed}"],
    )


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
