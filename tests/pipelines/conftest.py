"""Small studies whose pipelines are wired and not run."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from alignment_pretraining.study import Study
from tests.english import english

MakeStudy = Callable[..., Study]
# Checkpoints from elsewhere.
CHAT = {"ours": {"folder": "ours", "chat": True}}
BASE = {"theirs": {"hub": "owner/it", "revision": "main"}}
CHATS = [{"dataset": "owner/chats"}]


@pytest.fixture
def make_study() -> MakeStudy:
    """A study of the given arms of the default ones; two base seeds, of which the first is post-trained."""

    def make(*arms: str, **changes: Any) -> Study:
        return Study.model_validate(english("study") | {"run": list(arms), "contrasts": {}} | changes)

    return make


def by_name(pipeline: Pipeline) -> dict[str, Node]:
    """Nodes by their names, the namespace first."""
    return {node.name: node for node in pipeline.nodes}


def bound(node: Node) -> partial[Any]:
    """The function of a node with the arguments that are bound to it."""
    assert isinstance(node.func, partial)
    return node.func
