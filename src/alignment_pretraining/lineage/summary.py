"""`kedro summary`: the result of the study in the terminal."""

import math
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table

from alignment_pretraining.core.environments import with_env
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Graph


def summary(graph: Graph) -> RenderableType:
    """Misalignment rate by arm, stage, split and persona with its interval beside the paper's, and where to look next.

    Raises:
        UserError: the study has not run yet.
    """
    path = graph.path("rates")
    if path is None or not path.is_file():
        missing = f" ({graph.relative('rates')} is missing)" if path else ""
        raise UserError(f"the study has no results yet{missing}; make them: {graph.command_for_all}")
    report = f"report      {graph.relative('report')}" if "report" in graph.makers else ""
    next_steps = [
        report,
        f"MLflow      mlflow ui --backend-store-uri sqlite:///{(graph.root / 'mlflow.db').name}",
        f"pipelines   {with_env('kedro viz run', graph.env)}",
        f"one number  {with_env('kedro trace', graph.env)} <key>, with a key from {graph.relative('rates')}",
    ]
    return Group(_table(pd.read_csv(path)), "", *[line for line in next_steps if line])


def _table(rates: pd.DataFrame) -> Table:
    table = Table(title="Misalignment rate, with 95 % intervals")
    for column in ("arm", "stage", "split", "persona"):
        table.add_column(column)
    for column in ("rate", "95 % interval", "paper"):
        table.add_column(column, justify="right")
    arm = None
    for row in rates.to_dict("records"):
        if arm not in (None, row["arm"]):
            table.add_section()
        arm = row["arm"]
        interval = f"{_share(row['low'])} to {_share(row['high'])}"
        place = [str(row[column]) for column in ("arm", "stage", "split", "persona")]
        table.add_row(*place, _share(row["rate"]), interval, _share(row["paper"]))
    return table


def _share(value: Any) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3f}"
