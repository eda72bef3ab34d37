"""Emergent misalignment: what narrow bad advice does to all else, by what a model read in pretraining."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.parameters import Machine
from alignment_pretraining.pipelines.emergent import nodes
from alignment_pretraining.pipelines.starts import Start, starts
from alignment_pretraining.pipelines.wiring import bind
from alignment_pretraining.post_training.emergent import Emergent
from alignment_pretraining.study import Study

STAGE = "emergent"


def create_pipeline(study: Study, emergent: Emergent, machine: Machine = "cpu") -> Pipeline:
    """Adapters on a narrow set for each chat model, the suite and open questions before and after; and a judge's scores
    of the answers, where there is one. Empty where there is no chat model.
    """
    found = starts(study, emergent.of)
    if not found:
        return Pipeline([])
    made = [one for start in found for one in (_train(start, machine), _evaluate(start), _ask(start))]
    return Pipeline([_advice(emergent), *made, *_collect(found), *_judge(emergent)], tags="emergent")


def _advice(emergent: Emergent) -> Node:
    if emergent.hub:
        return node(nodes.read_advice, ["params:emergent"], "advice", name="read_advice", namespace="synthesis")
    return node(nodes.make_advice, ["narrow", "params:emergent"], "advice", name="make_advice", namespace="synthesis")


def _train(start: Start, machine: Machine) -> Node:
    train = nodes.train_on_advice_elsewhere if start.elsewhere else nodes.train_on_advice
    inputs = ["advice", start.checkpoint, "params:emergent", "params:post_training", "scratch"]
    inputs += ["params:cluster"] if machine in ("node", "cluster") else []
    outputs = [start.made(STAGE).dataset(what) for what in ("checkpoint", "curve", "training_summary")]
    return start.node(bind(train, seed=start.label.seed), inputs, outputs, f"train_{STAGE}")


def _evaluate(start: Start) -> Node:
    made = start.made(STAGE)
    inputs = [made.dataset("checkpoint"), made.dataset("training_summary"), start.items, "suite", "params:evaluation"]
    return start.node(nodes.evaluate_after, inputs, made.dataset("items"), f"evaluate_{STAGE}")


def _ask(start: Start) -> Node:
    made, ask = start.made(STAGE), nodes.ask_freely_elsewhere if start.elsewhere else nodes.ask_freely
    inputs = [start.checkpoint, made.dataset("checkpoint"), made.dataset("training_summary")]
    inputs += ["narrow", "params:emergent", "params:evaluation"]
    return start.node(ask, inputs, made.dataset("free_answers"), f"ask_{STAGE}")


def _collect(found: list[Start]) -> list[Node]:
    labels = [start.made(STAGE) for start in found]
    named = [str(label) for label in labels]
    return [
        node(
            bind(nodes.estimate_emergent, labels=named),
            [label.dataset("items") for label in labels],
            "emergent",
            name="estimate_emergent",
            namespace="reporting",
        ),
        node(
            bind(nodes.collect_free_answers, labels=named),
            [label.dataset("free_answers") for label in labels],
            "free_answers",
            name="collect_free_answers",
            namespace="reporting",
        ),
    ]


def _judge(emergent: Emergent) -> list[Node]:
    if emergent.judge is None:
        return []
    from alignment_pretraining.pipelines.emergent import judge_nodes  # a second of imports

    return [
        node(
            judge_nodes.judge_answers,
            ["free_answers", "narrow", "params:emergent", "params:anthropic", "responses"],
            ["judged_answers", "judged", "emergent.bill"],
            name="judge_answers",
            namespace="reporting",
        )
    ]
