"""`kedro summary`: the result of the study in the terminal."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table

from alignment_pretraining.core.environments import with_env
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.drift import check
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.parameters import left_out
from alignment_pretraining.lineage.reference import compare, read_reference

_CELL = ["arm", "protocol", "split", "persona"]
_STALE = "these results are stale: they, or what they rest on,"


def summary(graph: Graph) -> RenderableType:
    """What was declared and what came out, the rates of the main figures, whether all is as the reference, and where
    to look next.

    Raises:
        UserError: the study has not run yet, or its tables are not what their records say.
    """
    if "rates" not in graph.makers and "printed" in graph.makers:
        return _of_checkpoints(graph)
    path = graph.path("rates")
    if path is None or not path.is_file():
        missing = f" ({graph.relative('rates')} is missing)" if path else ""
        raise UserError(f"the study has no results yet{missing}; make them: {graph.command_for_all}")
    tables = [name for name in ("rates", "contrasts", "report") if name in graph.makers]
    check(graph, tables, _STALE)
    rates = graph.catalog.load("rates")
    shown = [_contrasts(graph.catalog.load("contrasts"))] if "contrasts" in tables else []
    report = f"report      {graph.relative('report')}" if "report" in tables else ""
    not_run = left_out(graph.params)
    next_steps = [
        f"not run     {', '.join(not_run)} (study.run)" if not_run else "",
        f"{len(rates):,} rates  {graph.relative('rates')}",
        report,
        _capability(graph),
        f"MLflow      mlflow ui --backend-store-uri sqlite:///{(graph.root / 'mlflow.db').name}",
        f"pipelines   {with_env('kedro viz run', graph.env)}",
        f"one number  {with_env('kedro trace', graph.env)} <key>, with a key from {graph.relative('rates')}",
    ]
    reference = read_reference(graph)
    compared = ["", *_under("reference   ", compare(graph, reference))] if reference else []
    return Group(*shown, _rates(rates), *compared, "", *[line for line in next_steps if line])


def _of_checkpoints(graph: Graph) -> RenderableType:
    """Of a study that trains nothing: rates under the first persona, as the paper asks where it prints a figure."""
    path = graph.path("protocol_rates")
    if path is None or not path.is_file():
        raise UserError(f"the study has no results yet; make them: {graph.command_for_all}")
    check(graph, ["printed", "protocol_report"], _STALE)
    rates, printed = graph.catalog.load("protocol_rates"), graph.catalog.load("printed")
    table = _table("checkpoint", "asked", "suite", "told")
    for column in ("rate, 95 %", "V", "D"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in _first(rates, graph.params["evaluation"]["run"]).to_dict("records"):
        same = printed[(printed[_CELL] == pd.Series({name: row[name] for name in _CELL})).all(axis=1)]
        values = same.set_index("version").printed
        told = [f"{values[version]:.3f}" if version in values else "" for version in ("V", "D")]
        table.add_row(*(str(row[name]) for name in _CELL), _with_interval(row), *told)
    next_steps = [
        f"verdicts    {with_env('kedro claims', graph.env)}",
        f"report      {graph.relative('protocol_report')}",
        *([_capability(graph)] if _capability(graph) else []),
        f"one number  {with_env('kedro trace', graph.env)} <key>, with a key from {graph.relative('protocol_rates')}",
    ]
    return Group("Misalignment rates beside the paper's, versions V and D", table, "", *next_steps)


def _capability(graph: Graph) -> str:
    """Where the page about capability is; empty where there is none."""
    path = graph.path("capability_report")
    made = "capability_report" in graph.makers and path is not None and path.is_file()
    return f"capability  {graph.relative('capability_report')}" if made else ""


def _first(rates: pd.DataFrame, run: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of each checkpoint's first persona, by what it wrote or else by its first protocol."""
    chosen = []
    for _, part in rates.groupby("arm", sort=False):
        told = run["chat_personas" if part["stage"].iloc[0] == "chat" else "base_personas"][0]
        protocols = list(part["protocol"])
        asked = "generated" if "generated" in protocols else protocols[0]
        chosen.append(part[(part["protocol"] == asked) & (part["persona"] == told)])
    first: pd.DataFrame = pd.concat(chosen)
    return first


def _under(title: str, lines: list[str]) -> list[str]:
    return [(" " * len(title) if number else title) + line for number, line in enumerate(lines)]


def _contrasts(contrasts: pd.DataFrame) -> RenderableType:
    if contrasts.empty:
        return ""
    met = int(contrasts["verdict"].isin(["shown", "equivalent"]).sum())
    table = _table("contrast", "declared")
    table.add_column("difference, 95 %", justify="right", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("controls", no_wrap=True)
    for row in contrasts.to_dict("records"):
        difference = f"{row['value']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
        holds = "hold" if row["controls_hold"] else "[red]fail[/]"
        table.add_row(row["name"], row["expect"], difference, f"{row['p_holm']:.2f}", row["verdict"], holds)
    return Group(f"Declared contrasts: {met} of {len(contrasts)} came out as declared (p: Holm's)", table, "")


def _rates(rates: pd.DataFrame) -> RenderableType:
    """Rates of the last base models under the first persona, in the first form: those of the main figures."""
    base = rates[rates["stage"].isin(["pretraining", "midtraining", "cpt"])]
    main = base[(base["persona"] == base["persona"].iloc[0]) & (base["form"] == base["form"].iloc[0])]
    last = main.groupby("arm", sort=False)["stage"].last()
    told, form = main["persona"].iloc[0], main["form"].iloc[0]
    table = _table("arm")
    splits = list(dict.fromkeys(main["split"]))
    for split in splits:
        table.add_column(split, justify="right", no_wrap=True)
    for arm, stage in last.items():
        rows = main[(main["arm"] == arm) & (main["stage"] == stage)].set_index("split")
        table.add_row(str(arm), *(_with_interval(rows.loc[split]) if split in rows.index else "" for split in splits))
    return Group(f"Misalignment rate of base models (95 % interval), persona {told}, {form} questions", table)


def _with_interval(row: Any) -> str:
    return f"{row['rate']:.2f} ({row['low']:.2f}\N{EN DASH}{row['high']:.2f})"


def _table(*columns: str) -> Table:
    """A table that fits 80 columns."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table
