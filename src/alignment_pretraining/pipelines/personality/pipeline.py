"""Items about personality traits, put to base and chat models."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.evaluation.personality import Personality
from alignment_pretraining.pipelines.personality import nodes
from alignment_pretraining.pipelines.starts import Start, starts
from alignment_pretraining.pipelines.wiring import bind
from alignment_pretraining.study import Study


def create_pipeline(study: Study, personality: Personality) -> Pipeline:
    """The items, the answers of the last base and post-trained models and of models from elsewhere, trait scores."""
    found = starts(study, personality.of, base=True)
    if not found:
        return Pipeline([])
    prepare, inputs = nodes.prepare_items, ["personality_items"]
    if personality.table:
        items = node(nodes.read_items, ["params:personality"], "traits_asked", name="read_items", namespace="suite")
    else:
        items = node(prepare, inputs, "traits_asked", name="prepare_items", namespace="suite")
    labels = [start.label for start in found]
    estimate = node(
        bind(nodes.estimate_traits, labels=[str(label) for label in labels]),
        [label.dataset("traits") for label in labels],
        "personality",
        name="estimate_traits",
        namespace="reporting",
    )
    return Pipeline([items, *(_ask(start) for start in found), estimate], tags="personality")


def _ask(start: Start) -> Node:
    ask = nodes.ask_traits_elsewhere if start.elsewhere else nodes.ask_traits
    inputs = [start.checkpoint, "traits_asked", "params:personality", "params:evaluation"]
    name = f"ask_traits_{start.label.stage}"
    return start.node(bind(ask, chat=start.chat), inputs, start.label.dataset("traits"), name)
