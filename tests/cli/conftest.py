"""The toy project of the lineage tests."""

from tests.lineage.conftest import toy

__all__ = ["toy"]
