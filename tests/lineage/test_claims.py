"""What the paper prints beside what was measured, a table for each of its versions."""

from io import StringIO
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from rich.console import Console

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.claims import Version, claims_table
from tests.lineage.read_study import ReadStudy


def _lines(study: ReadStudy, *versions: Version, printed: pd.DataFrame | None = None) -> list[str]:
    graph = study.graph
    if printed is not None:
        graph.catalog = DataCatalog({"printed": MemoryDataset(printed)})  # type: ignore[misc]
    console = Console(file=StringIO(), width=250)
    console.print(claims_table(graph, versions or ("V", "D"), 0.05), highlight=False)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_each_version_has_its_table_and_what_is_not_measured_is_said(read_study: ReadStudy) -> None:
    lines = _lines(read_study)
    titles = [line for line in lines if line.startswith(("V: ", "D: "))]
    assert titles == ["V: arXiv 2601.10160", "D: feedback draft and forum post of December 2025, other models and data"]
    assert "equivalent: the 90 % interval lies within 0.05 of the printed figure" in lines[-2]
    assert lines[-1] == "Nothing is measured yet: dvc repro"
    assert not any(line.startswith("D: ") for line in _lines(read_study, "V"))
    claims: list[dict[str, Any]] = read_study.params["claims"]
    for version, title in zip(("V", "D"), titles, strict=True):
        expected = sum(claim["version"] == version for claim in claims)
        rest = lines[lines.index(title) + 2 :]
        rows = [line for line in rest[: rest.index(titles[1])] if line] if version == "V" else rest[:-2]
        assert len(rows) == expected


def test_tables_that_drifted_are_not_compared(read_study: ReadStudy) -> None:
    read_study.add("reporting.print", ["questions"], ["printed"], pipeline="reporting")
    read_study.paths["printed"] = "data/printed.csv"
    read_study.write("data/printed.csv", "arm\n")
    with pytest.raises(UserError, match=r"^these results are stale: they, or what they rest on, are not") as error:
        _lines(read_study)
    assert "printed: there is no record of how reporting.print made it" in str(error.value)
