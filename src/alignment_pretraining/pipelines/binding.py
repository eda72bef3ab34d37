"""Node functions with some of their arguments fixed by the study."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any


def bind(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """`function` with arguments fixed, under its own name and type hints, which Kedro reads and a bare partial lacks."""
    bound = partial(function, *args, **kwargs)
    update_wrapper(bound, function)
    return bound
