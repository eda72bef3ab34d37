"""How nodes are made from functions and stage runs."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, node

from alignment_pretraining.study import StageRun


def bind(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """`function` with arguments fixed, under its own name and hints: Kedro reads both, a bare partial has neither."""
    bound = partial(function, *args, **kwargs)
    update_wrapper(bound, function)
    return bound


def stage_node(
    verb: str,
    function: Callable[..., Any],
    inputs: list[str] | dict[str, str],
    outputs: str | list[str],
    stage_run: StageRun,
    seed: int,
) -> Node:
    """A node about one (arm, seed, stage), for example `unfiltered.seed0.train_pretraining`, tagged with all three."""
    return node(
        function,
        inputs,
        outputs,
        name=f"{verb}_{stage_run.stage}",
        namespace=stage_run.label(seed).namespace,
        tags=[stage_run.arm, stage_run.stage, f"seed{seed}"],
    )
