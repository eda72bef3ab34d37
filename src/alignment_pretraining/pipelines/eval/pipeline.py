"""The question suites put to every checkpoint, and to n-grams of what each arm read."""

from collections.abc import Callable
from pathlib import Path

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.core.labels import Label
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.pipelines.eval import nodes
from alignment_pretraining.pipelines.wiring import bind, stage_node
from alignment_pretraining.study import POST_STAGES, StageRun, Study

_NONE = Capability()


def create_pipeline(
    study: Study, capability: Capability = _NONE, *, protocols: bool = False, sources: bool = False
) -> Pipeline:
    """The suite, then per-item results and scores of every checkpoint of the study, and each arm's n-gram baseline.

    With `capability` every checkpoint is also given its benchmarks. `protocols`: what is trained is asked by several
    protocols, too. `sources`: there are suites from elsewhere, which are all that is asked where no arm is trained.
    """
    trained = [(stage_run, seed) for stage_run in study.stage_runs() for seed in study.seeds_of(stage_run)]
    checkpoints = [evaluation for stage_run, seed in trained for evaluation in _evaluate(stage_run, seed)]
    asked = [_ask_by_protocols(stage_run, seed) for stage_run, seed in trained] if protocols else []
    elsewhere = [evaluation for name in study.checkpoints for evaluation in _evaluate_from_elsewhere(name)]
    baselines = [_ngrams(study, arm, seed) for arm in study.selected_arms() for seed in study.seeds.base]
    benchmarks = _benchmarks(study, trained, capability) if capability.tasks else []
    return Pipeline([_suite(study, sources), *checkpoints, *asked, *elsewhere, *baselines, *benchmarks], tags="eval")


def _suite(study: Study, sources: bool) -> Node:
    function: Callable[..., Path] = nodes.prepare_suite
    inputs = ["questions", "params:evaluation", "scratch", "suites"]
    if sources:
        inputs.append("params:suite_sources")
        if not study.selected_arms():
            function = nodes.prepare_suite_from_elsewhere
            inputs = ["params:suite_sources", "params:evaluation", "scratch", "suites"]
    return node(function, inputs, "suite", name="prepare_suite", namespace="suite")


def _evaluate_from_elsewhere(name: str) -> list[Node]:
    """A checkpoint that was not trained here: its name stands where that of an arm does."""
    read = [f"params:study.checkpoints.{name}", "suite", "params:evaluation", "scratch"]
    items, scores = f"{name}.items", f"{name}.scores"
    return [
        node(nodes.evaluate_from_elsewhere, read, items, name="evaluate", namespace=name, tags=[name]),
        node(
            nodes.score_main_protocol, [items, "params:evaluation"], scores, name="score", namespace=name, tags=[name]
        ),
    ]


def _ask_by_protocols(stage_run: StageRun, seed: int) -> Node:
    ask = bind(nodes.ask_by_protocols, chat=stage_run.stage in POST_STAGES)
    read = [stage_run.dataset(seed, "checkpoint"), "suite", "params:evaluation", "scratch"]
    return stage_node("ask", ask, read, stage_run.dataset(seed, "answers"), stage_run, seed)


def _benchmarks(study: Study, trained: list[tuple[StageRun, int]], capability: Capability) -> list[Node]:
    told = ["params:capability", "scratch", *(["everyday_facts"] if capability.asks_facts else [])]
    made = []
    for stage_run, seed in trained:
        give = bind(nodes.give_benchmarks, chat=stage_run.stage in POST_STAGES)
        read = [stage_run.dataset(seed, "checkpoint"), *told]
        made.append(stage_node("benchmark", give, read, stage_run.dataset(seed, "capability"), stage_run, seed))
    for name in study.checkpoints:
        read = [f"params:study.checkpoints.{name}", *told]
        give = nodes.give_benchmarks_elsewhere
        made.append(node(give, read, f"{name}.capability", name="benchmark", namespace=name, tags=[name]))
    return made


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
