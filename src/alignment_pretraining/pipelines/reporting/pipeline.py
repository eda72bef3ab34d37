"""From the results of all checkpoints to rates, gaps, figures and the report."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.core.labels import Label
from alignment_pretraining.pipelines.reporting import nodes
from alignment_pretraining.pipelines.wiring import bind
from alignment_pretraining.study import BASE_STAGES, Study

_SCOPE = ["params:study", "params:evaluation"]


def create_pipeline(study: Study) -> Pipeline:
    """Reporting on every checkpoint that the study trains."""
    gathered = [_gather(study, arm) for arm in _arms(study)]
    return Pipeline([*gathered, *_collect(study), *_estimate(), *_publish()], tags="reporting")


def _arms(study: Study) -> list[str]:
    return list(dict.fromkeys(stage_run.arm for stage_run in study.stage_runs()))


def _gather(study: Study, arm: str) -> Node:
    """All that the report needs of an arm, in three datasets: else the graph would show dozens."""
    trained = [run.label(seed) for run in study.stage_runs() if run.arm == arm for seed in study.seeds_of(run)]
    mixed = [label for label in trained if label.stage in BASE_STAGES]
    whats = ("items", "curve", "training_summary", "scores")
    results = [label.dataset(what) for what in whats for label in trained]
    return node(
        bind(nodes.gather_arm, [str(label) for label in trained], [str(label) for label in mixed]),
        results + [label.dataset("manifest") for label in mixed],
        [f"{arm}.items", f"{arm}.curves", f"{arm}.checkpoints"],
        name="gather",
        namespace=arm,
        tags=[arm],
    )


def _collect(study: Study) -> list[Node]:
    arms = _arms(study)
    checkpoints = [f"{arm}.checkpoints" for arm in arms]
    ngrams = [Label(arm, seed, "ngram") for arm in study.selected_arms() for seed in study.seeds.base]
    return [
        _node(nodes.collect_items, [f"{arm}.items" for arm in arms], "all_items"),
        node(
            bind(nodes.collect_ngrams, [str(label) for label in ngrams]),
            [label.dataset("items") for label in ngrams],
            "all_ngrams",
            name="collect_ngrams",
            namespace="reporting",
        ),
        _node(nodes.collect_curves, [f"{arm}.curves" for arm in arms], "curves"),
        _node(nodes.collect_losses, [*_SCOPE, *checkpoints], "losses"),
    ]


def _estimate() -> list[Node]:
    return [
        _node(nodes.estimate_rates, ["all_items", *_SCOPE, "params:claims"], "rates"),
        _node(
            nodes.estimate_contrasts,
            ["all_items", "all_ngrams", *_SCOPE],
            ["contrasts", "controls"],
        ),
        _node(nodes.estimate_gaps, ["all_items", *_SCOPE], "gaps"),
        _node(nodes.estimate_swaps, ["all_items", *_SCOPE], "swaps"),
        _node(nodes.collect_samples, ["all_items", *_SCOPE], "samples"),
    ]


def _publish() -> list[Node]:
    tables = [
        "contrasts",
        "controls",
        "rates",
        "gaps",
        "swaps",
        "losses",
        "samples",
        "filter_quality",
        "corpus_account",
    ]
    return [
        _node(nodes.draw_figures, ["rates", "gaps", "curves", *_SCOPE, "scratch"], "figures"),
        _node(nodes.sum_up, ["rates", "contrasts", *_SCOPE], ["metrics", "headline"]),
        _node(nodes.write_report, [*tables, "figures", *_SCOPE, "params:claims"], "report"),
    ]


def _node(function: Callable[..., Any], inputs: list[str], output: str | list[str]) -> Node:
    return node(function, inputs, output, name=function.__name__, namespace="reporting")
