"""Fixtures of the tests of what is published."""

import logging
from collections.abc import Iterator

import pytest

from alignment_pretraining.publishing.facts import Facts
from tests.publishing.finished import finished


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """A study that looks finished; its files are not to be changed."""
    found = finished(tmp_path_factory.mktemp("finished"))
    yield found
    logging.disable(logging.NOTSET)  # the graph of a command switches notes off
