"""The page: every number is one of the tables', nothing is fetched, the same inputs give the same bytes."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import lxml.html
import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.reporting.dose import plot_doses
from alignment_pretraining.reporting.forest import plot_forest
from alignment_pretraining.reporting.scope import scope_of
from alignment_pretraining.study import Study
from tests.reporting.made_up import Tables

# The column that holds a number, by the first part of its key.
FIELDS = {
    "rate": "rate",
    "contrast": "value",
    "gap": "gap",
    "swap": "gap",
    "loss": "heldout_loss",
    "filter": "value",
}


@pytest.fixture(scope="module")
def tree(page: str) -> Any:
    """The parsed page."""
    return lxml.html.fromstring(page)


def test_every_printed_number_is_one_of_the_tables(tree: Any, tables: Tables) -> None:
    known = {row["key"]: row for table in _all(tables) for row in table.to_dict("records")}
    seen = set()
    for element in tree.iter("a", "span"):
        key = element.get("data-key")
        if key is None:
            continue
        row, text = known[key], element.text_content().replace("\N{MINUS SIGN}", "-").replace(",", "")
        field = (
            element.get("data-field")
            or {
                "rate": "rate",
                "persona": "rate",
                "gap": "gap",
                "swap": "gap",
                "loss": "heldout_loss",
                "filter": "value",
                "topic": "rate",
            }[key.split("/")[0]]
        )
        if text == "–":  # noqa: RUF001 - the dash of what was not asked
            assert pd.isna(row[field])
        elif text == "< 0.001":
            assert row[field] < 0.001
        else:
            # A difference is one of two printed numbers, each off by half a last digit at most.
            assert float(text) == pytest.approx(row[field], abs=0.00151 if field == "gap" else 0.00051), (key, field)
        seen.add(key)
    assert seen == set(known)


@pytest.mark.parametrize(
    ("section", "left", "right"),
    [("persistence", "rate", "reference_rate"), ("swap", "misaligned_first", "aligned_first")],
)
def test_a_printed_difference_is_that_of_the_printed_numbers(tree: Any, section: str, left: str, right: str) -> None:
    rows = 0
    for row in tree.get_element_by_id(section).iter("tr"):
        printed = {element.get("data-field"): element for element in row.iter("a", "span") if element.get("data-key")}
        if left in printed:
            first, second, gap = (
                Decimal(printed[name].text_content().replace("\N{MINUS SIGN}", "-")) for name in (left, right, None)
            )
            assert gap == first - second
            rows += 1
    assert rows


def test_no_number_in_a_table_comes_without_a_key_or_a_claim(tree: Any) -> None:
    for cell in tree.iter("td"):
        if cell.get("data-claim") or cell.getparent().getparent().getparent().get("class") == "said":
            continue
        loose = [cell.text or ""] + [child.tail or "" for child in cell]
        loose += [child.text or "" for child in cell if child.tag == "span" and not child.attrib.get("data-key")
                  and child.get("class") not in ("i",)]  # fmt: skip
        text = re.sub(r"2027|e2e", "", " ".join(loose))
        assert not re.search(r"\d", text), lxml.html.tostring(cell)


def test_intervals_are_those_of_the_tables(tree: Any, tables: Tables) -> None:
    known = {row["key"]: row for table in _all(tables) for row in table.to_dict("records")}
    intervals = 0
    for element in tree.iter("span"):
        number = element.getprevious()
        if element.get("class") == "i" and number is not None and " to " in element.text:
            low, high = (float(part) for part in element.text.replace("\N{MINUS SIGN}", "-").split(" to "))
            row = known[number.get("data-key")]
            assert (low, high) == pytest.approx((row["low"], row["high"]), abs=0.00051)
            intervals += 1
    assert intervals > len(tables.rates)


def test_every_key_leads_to_a_row_that_spells_it_out(tree: Any) -> None:
    rows = {row.get("id"): row for row in tree.iter("tr") if row.get("id")}
    for link in tree.iter("a"):
        target = link.get("href")[1:]
        if link.get("data-key") or link.getparent().tag == "g":
            assert rows[target].find(".//code").text == target
        else:
            assert tree.get_element_by_id(target) is not None


def test_ids_are_unique(tree: Any) -> None:
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_nothing_is_fetched_from_elsewhere(page: str, tree: Any) -> None:
    assert not re.search(r"https?:|//[a-z]", page.replace("<!DOCTYPE html>", ""))
    for element in tree.iter():
        for attribute in ("src", "href", "{http://www.w3.org/1999/xlink}href", "xlink:href", "action", "data"):
            value = element.get(attribute)
            assert value is None or value.startswith("#") or value == "data:,", (element.tag, value)
    assert not list(tree.iter("iframe", "img", "object"))


def test_figures_have_alternative_texts(tree: Any) -> None:
    drawings = list(tree.iter("svg"))
    assert (
        len(drawings) == 18
    )  # three suites x (main, persistence, stages), four losses, topics, streams, tokens, paper
    for drawing in drawings:
        panels = drawing.getparent().getparent()
        assert panels.get("role") == "img" and len(panels.get("aria-label")) > 40


def test_every_mark_of_an_interactive_figure_is_a_number_of_the_tables(tree: Any, tables: Tables) -> None:
    known = {row["key"]: row for table in (tables.rates, tables.topics) for row in table.to_dict("records")}
    figures = [json.loads(script.text) for script in tree.iter("script") if script.get("type") == "application/json"]
    assert len(figures) == 4  # topics, tokens, the paper's two versions
    for trace in (trace for figure in figures for trace in figure["data"]):
        keys, values, texts = (np.ravel(trace[name]) for name in ("customdata", "z" if "z" in trace else "y", "text"))
        for key, value, text in zip(keys, values, texts, strict=True):
            row = known[key]
            assert value == row["rate"] and key in text and f"{row['n_items']} questions" in text
            assert "low" not in row or f"{row['low']:.3f} to {row['high']:.3f}" in text


def test_the_forest_that_answers_has_the_marks_of_the_drawing() -> None:
    told = {"left": "a", "right": "b", "expect": "higher", "margin": 0.1, "low": 0.1, "high": 0.5, "n_seeds": 2}
    shown = {"by_seed": '{"0": 0.2, "1": 0.4}', "verdict": "shown"}
    rows = [told | shown | {"key": f"contrast/{name}", "name": name, "value": 0.3} for name in "xy"]
    rows[1] |= {"expect": "equal", "verdict": "undecided"}
    figure = plot_forest(pd.DataFrame(rows))["forest"]
    marks = [trace for trace in figure["data"] if "customdata" in trace]
    assert [(trace["customdata"], trace["x"], trace["y"]) for trace in marks] == [
        (["contrast/x"], [0.3], [0]),
        (["contrast/y"], [0.3], [1]),
    ]
    assert [marks[0]["error_x"][side][0] for side in ("array", "arrayminus")] == pytest.approx([0.2, 0.2])
    assert figure["data"][0]["x"] == [0.2, 0.4, 0.2, 0.4]  # the trainings
    assert [(band["x0"], band["x1"], band["y0"]) for band in figure["layout"]["shapes"]] == [(-0.1, 0.1, 0.6)]
    assert plot_forest(pd.DataFrame(rows).head(0)) == {}


def test_doses_that_answer_are_those_of_the_drawing(study: dict[str, Any], evaluation: dict[str, Any]) -> None:
    arms = {
        f"dose_{dose:.0%}".strip("%"): {
            "corpus": "unfiltered",
            "discourse": {"ai": "misaligned"},
            "insertion": "mid",
            "share": dose,
        }
        for dose in (0.04, 0.01, 0.02)
    }
    seeds = {"base": [0], "post_training": []}
    others = {"headline": [], "contrasts": {}, "seeds": seeds}
    dosed = Study.model_validate({**study, "arms": arms, "run": list(arms), **others})
    scope = scope_of(dosed, Evaluation.model_validate(evaluation))
    place = {"stage": "midtraining", "split": scope.splits[-1], "form": scope.form, "persona": scope.persona("base")}
    found = {"rate": 0.5, "low": 0.4, "high": 0.6, "n_items": 9, "rate_by_seed": '{"0": 0.5}'}
    rates = pd.DataFrame([{"key": f"rate/{arm}", "arm": arm, **place, **found} for arm in arms])
    (figure,) = plot_doses(rates, scope).values()
    (line,) = [trace for trace in figure["data"] if "customdata" in trace]
    assert line["customdata"] == ["rate/dose_1", "rate/dose_2", "rate/dose_4"]
    assert figure["layout"]["xaxis"]["ticktext"] == ["1", "2", "4"]
    assert "1 %" in line["text"][0] and "(95 %: 0.400 to 0.600)" in line["text"][0] and "9 questions" in line["text"][0]


def test_headline_is_computed(tree: Any, tables: Tables) -> None:
    text = tree.get_element_by_id("headline").text_content()
    first = tables.rates[(tables.rates["stage"] == "midtraining") & (tables.rates["split"] == "articles")]
    for row in first.itertuples():
        assert f"{row.arm} {row.rate:.3f}" in text
    assert text.index("unfiltered") < text.index("aligned_e2e")


def test_scale_notice_and_what_was_left_out(tree: Any) -> None:
    assert "no evidence about large models" in tree.find_class("notice")[0].text_content()
    left_out = tree.get_element_by_id("left-out").text_content()
    assert "options_first" in left_out and "misaligned_mid" in left_out and "Letter scoring" in left_out


def test_versions_of_the_paper_are_never_in_one_table(tree: Any) -> None:
    section = tree.get_element_by_id("paper")
    versions = [{cell.get("data-claim") for cell in table.iter("td")} - {None} for table in section.iter("table")]
    assert versions == [{"V"}, {"D"}]
    assert "~0.446" in section.findall(".//table")[0].text_content()
    assert "0.412" in section.findall(".//table")[1].text_content()


def test_same_inputs_same_bytes(tables: Tables, page: str) -> None:
    assert tables.report() == page
    before = {path.name: path.read_bytes() for path in tables.figures.iterdir()}
    again = tables.draw(tables.folder / "again")
    assert {path.name: path.read_bytes() for path in again.iterdir()} == before
    assert not any(re.search(rb"20\d\d-\d\d-\d\d|Matplotlib v", data) for data in before.values())


@pytest.mark.parametrize("run", [["misaligned_mid"], ["unfiltered"], ["aligned_cpt", "unfiltered"]])
def test_missing_arms_are_no_error(run: list[str], study: dict[str, Any], make_tables: Callable[..., Tables]) -> None:
    tables = make_tables({**study, "run": run})
    page = tables.report()
    assert all(arm in page for arm in run)
    assert set(tables.rates["arm"]) == set(run)


def test_a_study_of_base_models_alone(study: dict[str, Any], make_tables: Callable[..., Tables]) -> None:
    seeds = {"base": [0, 1], "post_training": []}
    tables = make_tables({**study, "seeds": seeds})
    assert "This study has no post-trained models" in tables.report()
    assert not list(tables.figures.glob("persistence-*")) and not list(tables.figures.glob("loss-sft*"))


def test_one_order_and_one_split(
    study: dict[str, Any], evaluation: dict[str, Any], make_tables: Callable[..., Tables]
) -> None:
    run = {**evaluation["run"], "orders": ["aligned_first"], "items": {"textbook": 5}}
    page = make_tables(study, run=run).report()
    assert "One order of the options only" in page and "Whole suites: Articles, Held-out topics" in page


def _all(tables: Tables) -> list[Any]:
    declared = [tables.contrasts, tables.controls]
    shown = [tables.topics, tables.streams, tables.examples]
    return [
        *declared,
        *shown,
        tables.rates,
        tables.gaps,
        tables.swaps,
        tables.losses,
        tables.filter_quality,
        tables.account,
    ]
