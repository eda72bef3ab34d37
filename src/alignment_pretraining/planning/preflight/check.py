"""The preflight of a study: its table, and its refusal."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.machines import machine_of
from alignment_pretraining.planning.preflight.amounts import Need, shown
from alignment_pretraining.planning.preflight.budgets import budgets
from alignment_pretraining.planning.preflight.machine import machine
from alignment_pretraining.planning.preflight.supply import Supply

PIPELINES = ("synthesis", "mixing", "pretraining", "post_training", "eval", "reporting")


def needs_of(parameters: Parameters, load: Callable[[str], Any], data: Path) -> list[Need]:
    """Everything that the study needs, in the order of the pipelines.

    Args:
        parameters: Those of the environment.
        load: Gives the folders of the catalog that generators draw on.
        data: Where results are kept.
    """
    if not parameters.study.selected_arms():  # checkpoints from elsewhere: nothing is made that could be short
        return []
    cluster = machine_of(parameters)
    supply = Supply(parameters, load)
    found = [*budgets(parameters, supply), *machine(parameters, cluster, supply, data)]
    return sorted(found, key=lambda need: PIPELINES.index(need.pipeline))


def refuse_short(needs: Iterable[Need], env: str) -> None:
    """Refuse a study of which something is short.

    Raises:
        UserError: has a line for each shortfall, with the setting.
    """
    lines = [need.explain() for need in needs if need.is_short]
    if lines:
        told = "\n  ".join(lines)
        raise UserError(f"conf/{env}: this study would not reach its end; {len(lines)} short:\n  {told}")


def from_pipeline(needs: Iterable[Need], first: str) -> list[Need]:
    """Those of the pipeline `first` and of what comes after it."""
    return [need for need in needs if PIPELINES.index(need.pipeline) >= PIPELINES.index(first)]


def table(needs: Sequence[Need]) -> Table:
    """What is needed, what there is, and how that is known."""
    shown_table = Table(title="Preflight: what is needed, and what there is", title_justify="left", box=SIMPLE_HEAD)
    shown_table.add_column("", overflow="fold")
    for head in ("needs", "there is"):
        shown_table.add_column(head, justify="right", no_wrap=True)
    shown_table.add_column("as known from", overflow="fold")
    shown_table.add_column("", no_wrap=True)
    for need in needs:
        count = need.has.count
        has = "?" if count is None else shown(count, need.unit)
        where = f"{need.has.how} (here)" if need.here else need.has.how
        shown_table.add_row(need.what, shown(need.needs, need.unit), has, where, need.verdict)
    return shown_table
