"""The preflight's table, its refusal, and which needs a run has."""

from pathlib import Path

import pytest
from rich.console import Console

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.planning.preflight.amounts import Amount, Need
from alignment_pretraining.planning.preflight.check import PIPELINES, from_pipeline, needs_of, refuse_short, table
from tests.planning.preflight.test_preflight import FOLDERS, parameters


def need(pipeline: str, what: str, needs: float = 1, has: float | None = 2, *, here: bool = False) -> Need:
    return Need(pipeline, what, needs, Amount(has, "counted"), "rows", f"raise {what}", here)


def printed(needs: list[Need]) -> list[str]:
    console = Console(width=160)
    with console.capture() as kept:
        console.print(table(needs))
    return [" ".join(line.split()) for line in kept.get().splitlines()]


def test_every_shortfall_has_a_line_and_what_is_enough_or_unknown_has_none() -> None:
    needs = [need("mixing", "a", 3), need("eval", "b"), need("eval", "c", 9, None), need("eval", "d", 4)]
    with pytest.raises(UserError) as error:
        refuse_short(needs, "mine")
    assert str(error.value).splitlines() == [
        "conf/mine: this study would not reach its end; 2 short:",
        "  a: needs 3 rows, there are 2 rows (counted); raise a",
        "  d: needs 4 rows, there are 2 rows (counted); raise d",
    ]


def test_a_study_that_has_everything_is_let_through() -> None:
    refuse_short([], "mine")
    refuse_short([need("mixing", "a"), need("mixing", "b", 9, None)], "mine")


@pytest.mark.parametrize("first", PIPELINES)
def test_a_run_has_the_needs_of_its_first_pipeline_and_of_what_comes_after(first: str) -> None:
    left = [found.pipeline for found in from_pipeline([need(name, "x") for name in PIPELINES], first)]
    assert left == list(PIPELINES[PIPELINES.index(first) :])


def test_the_table_tells_what_is_known_of_each_and_what_is_true_of_this_machine_alone() -> None:
    lines = printed([need("mixing", "plain"), need("mixing", "unknown", 5, None), need("eval", "disk", 3, here=True)])
    assert "plain 1 rows 2 rows counted enough" in lines
    assert "unknown 5 rows ? counted not known yet" in lines
    assert "disk 3 rows 2 rows counted (here) short" in lines


def test_needs_stand_in_the_order_of_the_pipelines() -> None:
    places = [PIPELINES.index(found.pipeline) for found in needs_of(parameters("paper"), FOLDERS.__getitem__, Path())]
    assert places == sorted(places) and len(set(places)) == 5


def test_a_study_of_checkpoints_from_elsewhere_alone_can_be_short_of_nothing() -> None:
    def refuse(name: str) -> Path:
        raise AssertionError(f"{name} is read")

    assert needs_of(parameters("released"), refuse, Path()) == []
