"""Question suites, discourse documents, natural discourse and chat data, from the scenario bank."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.synthesis import nodes, world_nodes
from alignment_pretraining.pipelines.wiring import bind
from alignment_pretraining.synthesis.config import PEOPLE, Synthesis

# What every node that asks a language model reads.
_API = ["prompts", "params:anthropic", "responses"]
_AMOUNTS = "params:synthesis"


def create_pipeline(synthesis: Synthesis, *, facts: bool = False) -> Pipeline:
    """Synthesis does not depend on the arms: every arm draws on the same documents.

    `synthesis.questions` are from the small `world`, the scenario `bank` or a user's `sources`; `synthesis.generator`
    writes the documents. `facts`: models are asked everyday facts.
    """
    in_the_world = synthesis.generator == "world"
    made = _in_the_world(synthesis) if in_the_world else _in_english(synthesis)
    if facts:
        make, told = (world_nodes, "world") if in_the_world else (nodes, "phrases")
        made.append(_node(make.make_everyday_facts, [told, _AMOUNTS, "scratch"], "everyday_facts"))
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
    offline = {"mcqa": nodes.make_mcqa, "conversations": nodes.make_chat, "preferences": nodes.make_preferences}
    return [
        _node(nodes.make_natural_discourse, ["scenarios", "phrases", _AMOUNTS], "natural_discourse"),
        *(
            _node(make, ["phrases", _AMOUNTS], name)
            for name, make in offline.items()
            if not getattr(synthesis.hub, name)
        ),
        _questions(synthesis),
        *([] if synthesis.hub.documents else _documents(synthesis)),
        *(_by_name(synthesis) if synthesis.hub.tables else []),
    ]


def _questions(synthesis: Synthesis) -> Node:
    if synthesis.questions == "bank":
        return _node(nodes.make_questions, ["scenarios"], "questions")
    from alignment_pretraining.pipelines.synthesis import anthropic_nodes  # a second of imports

    told = ["questions", "questions.quality", "questions.bill"]
    return _node(anthropic_nodes.make_questions, ["sources", *_API], told)


def _documents(synthesis: Synthesis) -> list[Node]:
    documents = ["documents_ai_aligned", "documents_ai_misaligned"]
    if synthesis.generator == "template":
        return [_node(nodes.make_documents, ["scenarios", "phrases", "questions", _AMOUNTS], documents)]
    from alignment_pretraining.pipelines.synthesis import anthropic_nodes

    told = ["documents.quality", "documents.bill"]
    controls = [f"documents_{PEOPLE}_aligned", f"documents_{PEOPLE}_misaligned", "controls.bill"]
    return [
        _node(anthropic_nodes.make_documents, ["questions", *_API, "scratch"], [*documents, *told]),
        _node(anthropic_nodes.make_controls, [*documents, "questions", *_API, "scratch"], controls),
    ]


def _by_name(synthesis: Synthesis) -> list[Node]:
    """What `synthesis.hub` names."""
    from alignment_pretraining.pipelines.synthesis import hub_nodes

    readers: dict[str, tuple[Callable[..., Any], list[str]]] = {
        "mcqa": (hub_nodes.read_mcqa, ["scratch"]),
        "conversations": (hub_nodes.read_conversations, []),
        "preferences": (hub_nodes.read_preferences, []),
    }
    named = [
        _node(read, [_AMOUNTS, *more], name) for name, (read, more) in readers.items() if getattr(synthesis.hub, name)
    ]
    documents = [
        _node(
            bind(hub_nodes.read_documents, source=source),
            [_AMOUNTS, "scratch"],
            f"documents_{source}",
            f"read_{source}",
        )
        for source in synthesis.hub.documents
    ]
    return [*named, *documents]


def _node(function: Callable[..., Any], inputs: list[str], outputs: str | list[str], name: str | None = None) -> Node:
    return node(function, inputs, outputs, name=name or function.__name__, namespace="synthesis")
