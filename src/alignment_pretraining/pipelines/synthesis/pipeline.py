"""Question suites, discourse documents, natural discourse and chat data, from the scenario bank."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.synthesis import nodes, world_nodes
from alignment_pretraining.synthesis.config import PEOPLE, Synthesis

# What every node that asks a language model reads.
_API = ["prompts", "params:anthropic", "responses"]
_AMOUNTS = "params:synthesis"


def create_pipeline(synthesis: Synthesis) -> Pipeline:
    """Synthesis does not depend on the arms: every arm draws on the same documents.

    `synthesis.questions` are from the small `world`, the scenario `bank` or a user's `sources`; `synthesis.generator`
    writes the documents.
    """
    made = _in_the_world(synthesis) if synthesis.generator == "world" else _in_english(synthesis)
    return Pipeline(made, tags="synthesis")


def _in_the_world(synthesis: Synthesis) -> list[Node]:
    documents = [f"documents_{source}" for source in synthesis.document_sources]
    return [
        _node(world_nodes.make_questions, ["world"], "questions"),
        _node(world_nodes.make_documents, ["world", _AMOUNTS], documents),
        _node(world_nodes.make_stories, ["world", _AMOUNTS], "stories"),
        _node(world_nodes.make_natural_discourse, ["world", _AMOUNTS], "natural_discourse"),
        _node(world_nodes.make_mcqa, ["world", _AMOUNTS], "mcqa"),
        _node(world_nodes.make_chat, ["world", _AMOUNTS], "conversations"),
        _node(world_nodes.make_preferences, ["world", _AMOUNTS], "preferences"),
    ]


def _in_english(synthesis: Synthesis) -> list[Node]:
    made = [
        _node(nodes.make_natural_discourse, ["scenarios", "phrases", _AMOUNTS], "natural_discourse"),
        _node(nodes.make_mcqa, ["phrases", _AMOUNTS], "mcqa"),
        _node(nodes.make_chat, ["phrases", _AMOUNTS], "conversations"),
        _node(nodes.make_preferences, ["phrases", _AMOUNTS], "preferences"),
    ]
    if synthesis.questions == "bank":
        made.append(_node(nodes.make_questions, ["scenarios"], "questions"))
    else:
        from alignment_pretraining.pipelines.synthesis import anthropic_nodes  # a second of imports

        told = ["questions", "questions.quality", "questions.bill"]
        made.append(_node(anthropic_nodes.make_questions, ["sources", *_API], told))
    documents = ["documents_ai_aligned", "documents_ai_misaligned"]
    if synthesis.generator == "template":
        made.append(_node(nodes.make_documents, ["scenarios", "phrases", "questions", _AMOUNTS], documents))
    else:
        from alignment_pretraining.pipelines.synthesis import anthropic_nodes

        told = ["documents.quality", "documents.bill"]
        made.append(_node(anthropic_nodes.make_documents, ["questions", *_API, "scratch"], [*documents, *told]))
        told = [f"documents_{PEOPLE}_aligned", f"documents_{PEOPLE}_misaligned", "controls.bill"]
        made.append(_node(anthropic_nodes.make_controls, [*documents, "questions", *_API, "scratch"], told))
    return made


def _node(function: Callable[..., Any], inputs: list[str], outputs: str | list[str]) -> Node:
    return node(function, inputs, outputs, name=function.__name__, namespace="synthesis")
