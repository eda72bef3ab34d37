"""The cluster of the nanotron tests."""

from tests.pretraining.nanotron.conftest import make_job

__all__ = ["make_job"]
