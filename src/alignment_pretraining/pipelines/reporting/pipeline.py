"""From the results of all checkpoints to rates, gaps, figures and the report."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.core.labels import Label
from alignment_pretraining.pipelines.reporting import nodes
from alignment_pretraining.pipelines.wiring import bind
from alignment_pretraining.study import BASE_STAGES, Study

_SCOPE = ["params:study", "params:evaluation"]


def create_pipeline(study: Study, *, protocols: bool = False, capability: bool = False) -> Pipeline:
    """Reporting on every checkpoint that the study trains, and on those from elsewhere.

    `protocols`: what is trained was asked by several protocols, too. `capability`: all were given benchmarks.
    """
    made: list[Node] = []
    if study.selected_arms():
        made += [*(_gather(study, arm) for arm in _arms(study)), *_collect(study), *_estimate(), *_publish()]
    by_protocol = [_estimate_protocols(study, arm) for arm in _arms(study)] if protocols else []
    by_protocol += [_estimate_checkpoint(name) for name in study.checkpoints]
    if by_protocol:
        made += [*by_protocol, *_publish_protocols([node.namespace or "" for node in by_protocol])]
    if capability:
        made += _capability(study)
    return Pipeline(made, tags="reporting")


def _capability(study: Study) -> list[Node]:
    labels = [label for arm in _arms(study) for label in _trained(study, arm)]
    items = [label.dataset("capability") for label in labels] + [f"{name}.capability" for name in study.checkpoints]
    tables = ["capability", "alignment_tax", "printed_capability"]
    told = ["params:study", "params:capability"]
    return [
        node(
            bind(nodes.estimate_capability, labels=[str(label) for label in labels], names=list(study.checkpoints)),
            [*told, "params:claims", *items],
            tables,
            name="estimate_capability",
            namespace="reporting",
        ),
        _node(nodes.write_capability_report, [*tables, *told], "capability_report"),
    ]


def _estimate_protocols(study: Study, arm: str) -> Node:
    labels = _trained(study, arm)
    return node(
        bind(nodes.estimate_protocols, [str(label) for label in labels]),
        [label.dataset("answers") for label in labels],
        [f"{arm}.protocol_rates", f"{arm}.agreement"],
        name="estimate_protocols",
        namespace=arm,
        tags=[arm],
    )


def _estimate_checkpoint(name: str) -> Node:
    return node(
        bind(nodes.estimate_checkpoint, name=name),
        [f"params:study.checkpoints.{name}", f"{name}.items"],
        [f"{name}.protocol_rates", f"{name}.agreement"],
        name="estimate_protocols",
        namespace=name,
        tags=[name],
    )


def _publish_protocols(names: list[str]) -> list[Node]:
    tables = [f"{name}.{what}" for what in ("protocol_rates", "agreement") for name in names]
    return [
        _node(nodes.collect_protocols, tables, ["protocol_rates", "agreement"]),
        _node(nodes.set_beside_printed, ["protocol_rates", *_SCOPE, "params:claims"], "printed"),
        _node(
            nodes.write_protocol_report, ["protocol_rates", "agreement", "printed", "params:study"], "protocol_report"
        ),
    ]


def _trained(study: Study, arm: str) -> list[Label]:
    return [run.label(seed) for run in study.stage_runs() if run.arm == arm for seed in study.seeds_of(run)]


def _arms(study: Study) -> list[str]:
    return list(dict.fromkeys(stage_run.arm for stage_run in study.stage_runs()))


def _gather(study: Study, arm: str) -> Node:
    """All that the report needs of an arm, in three datasets: else the graph would show dozens."""
    trained = _trained(study, arm)
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
        _node(nodes.collect_streams, [*_SCOPE, *checkpoints], "streams"),
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
        _node(nodes.estimate_topics, ["all_items", *_SCOPE], "topics"),
        _node(nodes.collect_samples, ["all_items", *_SCOPE], "samples"),
        _node(nodes.collect_examples, ["all_items", "questions", *_SCOPE], "examples"),
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
        "topics",
        "streams",
        "examples",
    ]
    drawn = ["rates", "gaps", "curves", "contrasts", "topics", "streams"]
    return [
        _node(nodes.draw_figures, [*drawn, *_SCOPE, "params:claims", "scratch"], "figures"),
        _node(nodes.write_plotly, [], "plotly"),
        _node(nodes.sum_up, ["rates", "contrasts", *_SCOPE], ["metrics", "headline"]),
        _node(nodes.write_report, [*tables, "figures", *_SCOPE, "params:claims"], "report"),
    ]


def _node(function: Callable[..., Any], inputs: list[str], output: str | list[str]) -> Node:
    return node(function, inputs, output, name=function.__name__, namespace="reporting")
