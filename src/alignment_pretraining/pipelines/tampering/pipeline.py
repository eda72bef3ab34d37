"""Benign tampering of post-trained checkpoints: does what they read in pretraining outlast more harmless SFT?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.parameters import Machine
from alignment_pretraining.pipelines.starts import Start, starts
from alignment_pretraining.pipelines.tampering import nodes
from alignment_pretraining.pipelines.wiring import bind
from alignment_pretraining.post_training.tampering import Tampering
from alignment_pretraining.study import Study
from alignment_pretraining.synthesis.config import Synthesis

STAGE = "tampered"


def create_pipeline(study: Study, tampering: Tampering, synthesis: Synthesis, machine: Machine = "cpu") -> Pipeline:
    """SFT on harmless conversations of each checkpoint, the suite on the way, and rates against tokens.

    It reads `suite` and the answers of the checkpoints, which the eval pipeline makes. Empty where there is no chat
    model.
    """
    found = starts(study, tampering.of)
    if not found:
        return Pipeline([])
    made = [one for start in found for one in (_train(start, machine), _evaluate(start))]
    return Pipeline([_harmless(study, tampering, synthesis), *made, _estimate(found)], tags="tampering")


def _harmless(study: Study, tampering: Tampering, synthesis: Synthesis) -> Node:
    make: Callable[..., Any] = nodes.make_harmless
    inputs = ["phrases", "params:tampering"]
    if tampering.hub:
        make, inputs = nodes.read_harmless, ["params:tampering"]
    elif study.selected_arms() and synthesis.generator == "world":
        make, inputs = nodes.make_harmless_in_the_world, ["world", "params:tampering"]
    return node(make, inputs, "harmless", name=make.__name__, namespace="synthesis")


def _train(start: Start, machine: Machine) -> Node:
    train = nodes.train_on_harmless_elsewhere if start.elsewhere else nodes.train_on_harmless
    inputs = ["harmless", start.checkpoint, "params:tampering", "params:post_training", "scratch"]
    inputs += ["params:cluster"] if machine in ("node", "cluster") else []
    outputs = [start.made(STAGE).dataset(what) for what in ("checkpoint", "curve", "training_summary")]
    return start.node(bind(train, seed=start.label.seed), inputs, outputs, f"train_{STAGE}")


def _evaluate(start: Start) -> Node:
    made = start.made(STAGE)
    inputs = [made.dataset("checkpoint"), made.dataset("curve"), start.items, "suite", "params:evaluation"]
    return start.node(nodes.evaluate_on_the_way, inputs, made.dataset("items"), f"evaluate_{STAGE}")


def _estimate(found: list[Start]) -> Node:
    labels = [start.made(STAGE) for start in found]
    return node(
        bind(nodes.estimate_tampering, labels=[str(label) for label in labels]),
        ["params:study", "params:evaluation", *(label.dataset("items") for label in labels)],
        ["tampering", "tampering_figure"],
        name="estimate_tampering",
        namespace="reporting",
    )
