"""How far long work is: told by whoever does it, in any process, and shown by whoever runs it (`execution.board`)."""

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any

# Told so often at most: a step of a small model takes milliseconds.
_SECONDS = 0.2

# Whose work this thread does: the node's name.
node_name: ContextVar[str] = ContextVar("node_name", default="")


@dataclass(frozen=True)
class Told:
    """`done` of `total` units of the work `name`, and figures such as its loss; `over` when it is no longer done."""

    name: str
    unit: str
    done: int
    total: int
    figures: Mapping[str, Any]
    over: bool


Listener = Callable[[Told], None]
_listeners: list[Listener] = []


def tell_to(listener: Listener) -> None:
    """From now on, `listener` hears of all work of this process; it may be called by any thread."""
    _listeners.append(listener)


def tell_no_more(listener: Listener) -> None:
    """`listener` hears of nothing any more."""
    if listener in _listeners:
        _listeners.remove(listener)


def tell(told: Told) -> None:
    """Pass on what another process told."""
    for listener in tuple(_listeners):
        listener(told)


class Work:
    """Work of `total` units, `done` of them earlier; it is over when the context is left.

    It is named after the node that does it, else by `label`.
    """

    def __init__(self, label: str, total: int, *, unit: str, done: int = 0) -> None:
        self.done = done
        self._name = node_name.get() or label
        self._unit, self._total = unit, total
        self._figures: dict[str, Any] = {}
        self._told_at = 0.0

    def __enter__(self) -> "Work":
        self._tell()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._tell(over=True)

    def advance(self, count: int = 1, **figures: Any) -> None:
        """`count` more units are done; `figures` replace those of the same name."""
        self.done += count
        self._figures |= figures
        if time.monotonic() >= self._told_at + _SECONDS:
            self._tell()

    def _tell(self, over: bool = False) -> None:
        self._told_at = time.monotonic()
        tell(Told(self._name, self._unit, self.done, self._total, dict(self._figures), over))
