"""The local server from the tests' side."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alignment_pretraining.planning.stand_ins.api import running


@dataclass
class LocalApi:
    """A running server: its address, and what it can be told and asked."""

    url: str

    def set(self, **settings: Any) -> None:
        """Change settings, for example `faults={"rate_limit": 2}`."""
        self._call(settings)

    def state(self) -> dict[str, Any]:
        """How often each request was answered (`answered`), calls by path, and faults that are left."""
        return self._call(None)

    def _call(self, settings: dict[str, Any] | None) -> dict[str, Any]:
        data = None if settings is None else json.dumps(settings).encode()
        with urllib.request.urlopen(f"{self.url}/control", data) as answer:
            state: dict[str, Any] = json.load(answer)
            return state


@contextmanager
def running_api() -> Iterator[LocalApi]:
    """Start the server in a process of its own, and end it."""
    with running() as url:
        yield LocalApi(url)
