"""Kedro datasets that this field needs: folders as handles, and the scratch space of long nodes."""

from alignment_pretraining.datasets.folder import FolderDataset, ScratchDataset

__all__ = ["FolderDataset", "ScratchDataset"]
