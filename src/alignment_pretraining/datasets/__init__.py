"""Kedro datasets that this field needs: folders as handles, big tables, and the scratch space of long nodes."""

from alignment_pretraining.datasets.folder import FolderDataset, ScratchDataset
from alignment_pretraining.datasets.table import TableDataset

__all__ = ["FolderDataset", "ScratchDataset", "TableDataset"]
