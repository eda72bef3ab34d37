"""Kedro datasets that this field needs: folders as handles, big tables, files that are whole or
not there, and the scratch space of long nodes."""

from alignment_pretraining.datasets.folder import FiguresDataset, FolderDataset, ScratchDataset
from alignment_pretraining.datasets.table import TableDataset
from alignment_pretraining.datasets.whole import CSVDataset, JSONDataset, ParquetDataset, TextDataset

__all__ = [
    "CSVDataset",
    "FiguresDataset",
    "FolderDataset",
    "JSONDataset",
    "ParquetDataset",
    "ScratchDataset",
    "TableDataset",
    "TextDataset",
]
