"""Question suites, discourse documents, natural discourse and chat data, from the scenario bank."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.synthesis import anthropic_nodes, nodes


def create_pipeline(generator: str = "template") -> Pipeline:
    """Synthesis does not depend on the arms: every arm draws on the same documents. `generator` writes these."""
    made = [
        _node(nodes.make_questions, ["scenarios"], "questions"),
        _node(nodes.make_natural_discourse, ["scenarios", "phrases"], "natural_discourse"),
        _node(nodes.make_mcqa, ["phrases"], "mcqa"),
        _node(nodes.make_chat, ["phrases"], "conversations"),
        _node(nodes.make_preferences, ["phrases"], "preferences"),
    ]
    documents = ["documents_aligned", "documents_misaligned"]
    if generator == "template":
        made.append(_node(nodes.make_documents, ["scenarios", "phrases", "questions"], documents))
    else:
        made += _by_api(documents)
    return Pipeline(made, tags="synthesis")


def _by_api(documents: list[str]) -> list[Node]:
    asked = ["questions", "prompts", "params:anthropic", "responses"]
    return [
        node(
            anthropic_nodes.make_documents,
            [*asked, "scratch"],
            [*documents, "documents.quality", "documents.bill"],
            name="make_documents",
            namespace="synthesis",
        ),
        node(
            anthropic_nodes.make_controls,
            [*documents, *asked],
            ["documents_control", "controls.bill"],
            name="make_controls",
            namespace="synthesis",
        ),
    ]


def _node(function: Callable[..., Any], inputs: list[str], outputs: str | list[str]) -> Node:
    name = function.__name__
    return node(function, [*inputs, "params:synthesis"], outputs, name=name, namespace="synthesis")
