"""Question suites, discourse documents, natural discourse and chat data, from the scenario bank."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.pipelines.synthesis import nodes


def create_pipeline() -> Pipeline:
    """Synthesis does not depend on the arms: every arm draws on the same documents."""
    documents = ["documents_aligned", "documents_misaligned"]
    return Pipeline(
        [
            _node(nodes.make_questions, ["scenarios"], "questions"),
            _node(nodes.make_documents, ["scenarios", "phrases", "questions"], documents),
            _node(nodes.make_natural_discourse, ["scenarios", "phrases"], "natural_discourse"),
            _node(nodes.make_mcqa, ["phrases"], "mcqa"),
            _node(nodes.make_chat, ["phrases"], "conversations"),
            _node(nodes.make_preferences, ["phrases"], "preferences"),
        ],
        tags="synthesis",
    )


def _node(function: Callable[..., Any], inputs: list[str], outputs: str | list[str]) -> Node:
    name = function.__name__
    return node(function, [*inputs, "params:synthesis"], outputs, name=name, namespace="synthesis")
