"""Question suites, discourse documents, natural discourse and chat data, from the scenario bank."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.synthesis import nodes

# What every node that asks a language model reads.
_API = ["prompts", "params:anthropic", "responses"]
_AMOUNTS = "params:synthesis"


def create_pipeline(questions: str = "bank", generator: str = "template") -> Pipeline:
    """Synthesis does not depend on the arms: every arm draws on the same documents.

    `questions` are from the scenario `bank` or a user's `sources`; `generator` writes the documents.
    """
    made = [
        _node(nodes.make_natural_discourse, ["scenarios", "phrases", _AMOUNTS], "natural_discourse"),
        _node(nodes.make_mcqa, ["phrases", _AMOUNTS], "mcqa"),
        _node(nodes.make_chat, ["phrases", _AMOUNTS], "conversations"),
        _node(nodes.make_preferences, ["phrases", _AMOUNTS], "preferences"),
    ]
    if questions == "bank":
        made.append(_node(nodes.make_questions, ["scenarios"], "questions"))
    else:
        from alignment_pretraining.pipelines.synthesis import anthropic_nodes  # a second of imports

        told = ["questions", "questions.quality", "questions.bill"]
        made.append(_node(anthropic_nodes.make_questions, ["sources", *_API], told))
    documents = ["documents_aligned", "documents_misaligned"]
    if generator == "template":
        made.append(_node(nodes.make_documents, ["scenarios", "phrases", "questions", _AMOUNTS], documents))
    else:
        from alignment_pretraining.pipelines.synthesis import anthropic_nodes

        told = ["documents.quality", "documents.bill"]
        made.append(_node(anthropic_nodes.make_documents, ["questions", *_API, "scratch"], [*documents, *told]))
        told = ["documents_control", "controls.bill"]
        made.append(_node(anthropic_nodes.make_controls, [*documents, "questions", *_API], told))
    return Pipeline(made, tags="synthesis")


def _node(function: Callable[..., Any], inputs: list[str], outputs: str | list[str]) -> Node:
    return node(function, inputs, outputs, name=function.__name__, namespace="synthesis")
