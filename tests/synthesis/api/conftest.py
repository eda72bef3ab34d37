"""A fresh local server for each test, and a configuration that uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.synthesis.api.local_api import LocalApi, running_api
from tests.synthesis.api.requests_for_tests import TEST_KEY


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalApi]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", TEST_KEY)
    with running_api() as server:
        yield server
