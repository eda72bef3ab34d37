"""The result of the study in the terminal."""

from io import StringIO
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from rich.console import Console

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.reference import write_reference
from alignment_pretraining.lineage.summary import summary
from tests.lineage.small_graph import Small

RATE = {"stage": "midtraining", "form": "open", "persona": "assistant", "split": "articles", "low": 0.1, "high": 0.5}
RATES = [
    RATE | {"arm": "a", "stage": "pretraining", "rate": 0.9},
    RATE | {"arm": "a", "rate": 0.3},
    RATE | {"arm": "a", "rate": 0.4, "split": "textbook"},
    RATE | {"arm": "a", "rate": 0.91, "form": "listed"},
    RATE | {"arm": "a", "rate": 0.92, "persona": "none"},
    RATE | {"arm": "a", "rate": 0.93, "stage": "dpo"},
    RATE | {"arm": "b", "rate": 0.2, "stage": "pretraining"},
]
CONTRAST = {
    "name": "c", "expect": "higher", "value": 0.251, "low": -0.1, "high": 0.6, "p_holm": 0.034, "verdict": "shown",
    "controls_hold": True,
}  # fmt: skip


def _lines(small: Small, **tables: Any) -> list[str]:
    graph = small.graph
    graph.catalog = DataCatalog({name: MemoryDataset(pd.DataFrame(table)) for name, table in tables.items()})  # type: ignore[misc]
    console = Console(file=StringIO(), width=200)
    console.print(summary(graph))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_rates_of_the_last_base_models_in_the_main_form(run_small: Small) -> None:
    lines = _lines(run_small, rates=RATES)
    assert lines[0] == "Misalignment rate of base models (95 % interval), persona assistant, open questions"
    assert [line.split() for line in lines[1:4]] == [
        ["arm", "articles", "textbook"],
        ["a", "0.30", "(0.10\N{EN DASH}0.50)", "0.40", "(0.10\N{EN DASH}0.50)"],
        ["b", "0.20", "(0.10\N{EN DASH}0.50)"],
    ]
    assert lines[4:] == [
        "",
        "7 rates  data/rates.csv",
        "MLflow      mlflow ui --backend-store-uri sqlite:///mlflow.db",
        "pipelines   kedro viz run",
        "one number  kedro trace <key>, with a key from data/rates.csv",
    ]


def test_declared_contrasts_come_first_with_how_many_came_out(run_small: Small) -> None:
    run_small.add("reporting.contrasts", ["rates"], ["contrasts"], pipeline="reporting")
    run_small.paths["contrasts"] = "data/contrasts.csv"
    run_small.run()
    contrasts = [
        CONTRAST,
        CONTRAST | {"name": "d", "expect": "equal", "verdict": "equivalent", "controls_hold": False},
        CONTRAST | {"name": "e", "verdict": "not shown"},
    ]
    lines = _lines(run_small, rates=RATES, contrasts=contrasts)
    assert lines[0] == "Declared contrasts: 2 of 3 came out as declared (p: Holm's)"
    assert lines[2].split() == ["c", "higher", "+0.25", "(-0.10", "to", "+0.60)", "0.03", "shown", "hold"]
    assert lines[3].split()[-1] == "fail"
    assert not any(
        "Declared" in line for line in _lines(run_small, rates=RATES, contrasts=pd.DataFrame(contrasts).head(0))
    )


def test_where_to_look_next_is_of_the_environment(small: Small) -> None:
    other = Small(small.root / "other", "gpu")
    other.add("reporting.page", ["rates"], ["report"], pipeline="reporting")
    other.add("capability.page", [], ["capability_report"], pipeline="capability")
    other.paths |= {"report": "environments/gpu/data/report.html", "capability_report": "environments/gpu/data/c.html"}
    other.run()
    assert _lines(other, rates=RATES)[-6:] == [
        "7 rates  environments/gpu/data/rates.csv",
        "report      environments/gpu/data/report.html",
        "capability  environments/gpu/data/c.html",
        "MLflow      mlflow ui --backend-store-uri sqlite:///mlflow.db",
        "pipelines   kedro viz run --env gpu",
        "one number  kedro trace --env gpu <key>, with a key from environments/gpu/data/rates.csv",
    ]


def test_the_reference_is_told_below_the_rates(run_small: Small) -> None:
    write_reference(run_small.graph)
    lines = _lines(run_small, rates=RATES)
    assert "reference   bitwise equal: all 4 outputs (commit 0123456789, a processor, 2026-11-29)" in lines


def test_arms_that_are_not_run_are_named(run_small: Small, study_config: dict[str, Any]) -> None:
    arms = {name: study_config["arms"][name] for name in ("unfiltered", "filtered", "aligned_e2e")}
    run_small.params["study"] = study_config | {"run": ["filtered"], "headline": [], "arms": arms, "contrasts": {}}
    assert "not run     unfiltered, aligned_e2e (study.run)" in _lines(run_small, rates=RATES)


def test_without_results_the_way_to_them_is_told(small: Small) -> None:
    with pytest.raises(UserError) as error:
        _lines(small)
    assert str(error.value) == "the study has no results yet (data/rates.csv is missing); make them: dvc repro"


def test_results_that_drifted_are_not_shown(run_small: Small) -> None:
    run_small.make("rates", "edited")
    with pytest.raises(
        UserError, match="these results are stale: they, or what they rest on, are not what their records"
    ):
        _lines(run_small, rates=RATES)


def test_a_study_of_checkpoints_shows_the_papers_figures_beside_its_own(small: Small) -> None:
    del small.nodes["reporting.report"]
    small.params["evaluation"] = {"run": {"base_personas": ["none"], "chat_personas": ["assistant"]}}
    names = ("protocol_rates", "printed", "protocol_report")
    small.add("reporting.protocols", ["tokens"], list(names), pipeline="reporting")
    small.paths |= {name: f"data/{name}.csv" for name in names}
    with pytest.raises(UserError, match=r"^the study has no results yet; make them: dvc repro$"):
        _lines(small)
    small.run()
    cell = {"arm": "far", "protocol": "generated", "split": "articles", "persona": "assistant", "stage": "chat"}
    near = cell | {"arm": "near", "protocol": "scored", "persona": "none", "stage": "base"}
    interval = {"low": 0.1, "high": 0.5}
    rates = [
        cell | interval | {"rate": 0.9, "persona": "none"},
        cell | interval | {"rate": 0.3},
        cell | interval | {"rate": 0.8, "protocol": "scored"},
        near | interval | {"rate": 0.2},
        near | interval | {"rate": 0.7, "protocol": "ranked"},
    ]
    printed = [cell | {"version": "V", "printed": 0.45}, cell | {"version": "D", "printed": 0.5, "persona": "none"}]
    lines = _lines(small, protocol_rates=rates, printed=printed)
    assert [line.split() for line in lines[2:4]] == [
        ["far", "generated", "articles", "assistant", "0.30", "(0.10\N{EN DASH}0.50)", "0.450"],
        ["near", "scored", "articles", "none", "0.20", "(0.10\N{EN DASH}0.50)"],
    ]
    assert lines[5:] == [
        "verdicts    kedro claims",
        "report      data/protocol_report.csv",
        "one number  kedro trace <key>, with a key from data/protocol_rates.csv",
    ]
