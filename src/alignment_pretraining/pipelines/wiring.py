"""How nodes are made from functions and links."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, node

from alignment_pretraining.study import Link


def bind(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """`function` with arguments fixed, under its own name and hints: Kedro reads both, a bare partial has neither."""
    bound = partial(function, *args, **kwargs)
    update_wrapper(bound, function)
    return bound


def link_node(
    verb: str,
    function: Callable[..., Any],
    inputs: list[str] | dict[str, str],
    outputs: str | list[str],
    link: Link,
    seed: int,
) -> Node:
    """A node about one (arm, seed, stage), for example `unfiltered.seed0.train_pretraining`, tagged with all three."""
    return node(
        function,
        inputs,
        outputs,
        name=f"{verb}_{link.stage}",
        namespace=f"{link.arm}.seed{seed}",
        tags=[link.arm, link.stage, f"seed{seed}"],
    )
