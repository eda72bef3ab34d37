"""From the results of all checkpoints to rates, gaps, figures and the report."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.reporting import nodes
from alignment_pretraining.study import Study

_LAYOUT = ["params:study", "params:evaluation"]


def create_pipeline(study: Study) -> Pipeline:
    """Reporting on every checkpoint that the study trains."""
    return Pipeline([*_collect(study), *_estimate(), *_publish()], tags="reporting")


def _collect(study: Study) -> list[Node]:
    arms = list(dict.fromkeys(link.arm for link in study.links()))
    checkpoints = [f"{arm}.checkpoints" for arm in arms]
    return [
        _node(nodes.collect_items, [f"{arm}.items" for arm in arms], "all_items"),
        _node(nodes.collect_curves, [f"{arm}.curves" for arm in arms], "curves"),
        _node(nodes.collect_losses, [*_LAYOUT, *checkpoints], "losses"),
    ]


def _estimate() -> list[Node]:
    return [
        _node(nodes.estimate_rates, ["all_items", *_LAYOUT, "params:claims"], "rates"),
        _node(nodes.estimate_gaps, ["all_items", *_LAYOUT], "gaps"),
        _node(nodes.estimate_swaps, ["all_items", *_LAYOUT], "swaps"),
    ]


def _publish() -> list[Node]:
    tables = ["rates", "gaps", "swaps", "losses", "filter_quality", "corpus_account"]
    return [
        _node(nodes.draw_figures, ["rates", "curves", *_LAYOUT, "scratch"], "figures"),
        _node(nodes.write_report, [*tables, "figures", *_LAYOUT, "params:claims"], "report"),
    ]


def _node(function: Callable[..., Any], inputs: list[str], output: str) -> Node:
    return node(function, inputs, output, name=function.__name__, namespace="reporting")
