"""Rates on benchmarks, the alignment tax, and the paper's figures of each version apart."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.lineage.numbers import TABLES, find_in
from alignment_pretraining.reporting.capability.average import measured
from alignment_pretraining.reporting.capability.page import render_capability
from alignment_pretraining.reporting.capability.printed import capability_beside_printed
from alignment_pretraining.reporting.capability.tables import (
    capability_table,
    references,
    scores_by_task,
    tax_table,
)
from alignment_pretraining.reporting.claim_table import claim_rows, measured_capability
from alignment_pretraining.reporting.claims import CAPABILITIES, Claims
from alignment_pretraining.reporting.statistics import estimate
from alignment_pretraining.study import Study
from tests.english import english

SEVEN = Capability.model_validate(
    {"tasks": {name: {"shots": 5, "metric": "acc", "folder": "data"} for name in CAPABILITIES}}
)
CHECKPOINTS = {
    "plain": {"folder": "a", "chat": True, "paper": "unfiltered"},
    "changed": {"folder": "b", "chat": True, "paper": "filtered_aligned_mid"},
    "base": {"folder": "c", "paper": "unfiltered"},
}
ITEMS = 200
RIGHT = {"plain": 120, "changed": 110, "base": 60}  # of each benchmark


def study(**changes: Any) -> Study:
    return Study.model_validate(english("study") | changes)


def items(model: str, stage: str, right: int, tasks: tuple[str, ...] = CAPABILITIES, seed: int = 0) -> pd.DataFrame:
    rows = [
        {"arm": model, "seed": seed, "stage": stage, "task": task, "subtask": task, "question_id": f"{task}/{n}",
         "family": f"{task}/{n}", "metric": metric, "score": float(n < right) if metric == "acc" else 1.0,
         "cut": n == 0 and task == "gsm8k", "reply": ""}
        for task in tasks
        for metric in ("acc", "acc_norm")
        for n in range(ITEMS)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def elsewhere() -> Study:
    return study(run=[], checkpoints=CHECKPOINTS)


@pytest.fixture(scope="module")
def tables(elsewhere: Study) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    stages = {name: "chat" if one.chat else "base" for name, one in elsewhere.checkpoints.items()}
    every = pd.concat([items(name, stages[name], right) for name, right in RIGHT.items()])
    scores = scores_by_task(every, SEVEN)
    rates, taxes = capability_table(every, scores, SEVEN), tax_table(scores, elsewhere)
    claims = Claims.model_validate(english("claims")).root
    return rates, taxes, capability_beside_printed(rates, taxes, elsewhere, claims)


def test_rates_are_of_the_named_metric(tables: tuple[pd.DataFrame, ...]) -> None:
    rates = tables[0].set_index("key")
    row = rates.loc["capability/plain/chat/arc_easy"]
    assert row["rate"] == pytest.approx(0.6) and row["low"] < 0.6 < row["high"]
    assert (row["n_items"], row["shots"], row["metric"], row["cut"]) == (ITEMS, 5, "acc", 0)
    assert rates.loc["capability/base/base/gsm8k", "cut"] == 1 / ITEMS
    assert len(rates) == 3 * (len(CAPABILITIES) + 1)


def test_the_tax_is_paired_item_by_item(tables: tuple[pd.DataFrame, ...]) -> None:
    taxes = tables[1].set_index("key")
    assert set(taxes["arm"]) == {"changed"}, "the base model is the baseline of no chat model"
    row = taxes.loc["tax/changed/chat/mmlu/minus/plain"]
    assert row["difference"] == pytest.approx(-0.05) == row["rate"] - row["reference_rate"]
    # Ten of 200 items differ, all one way: unpaired, the interval would reach beyond zero.
    assert -0.1 < row["low"] < row["high"] < 0


def test_an_average_counts_benchmarks_alike_and_is_surer_than_one(tables: tuple[pd.DataFrame, ...]) -> None:
    taxes = tables[1].set_index("task")
    one, mean = taxes.loc["mmlu"], taxes.loc["average"]
    assert mean["difference"] == pytest.approx(-0.05)
    assert (mean["high"] - mean["low"]) == pytest.approx((one["high"] - one["low"]) / np.sqrt(7))
    assert mean["n_items"] == 7 * ITEMS


def test_what_trainings_add_does_not_average_out() -> None:
    rng = np.random.default_rng(0)
    # Trainings differ by far more than questions: on every benchmark in the same way.
    chances = np.array([0.3, 0.5, 0.7])[:, None]
    values = [(rng.random((1, 3, 400)) < chances).astype(float) for _ in range(4)]
    estimates = [estimate(one, np.arange(400), np.array([1.0])) for one in values]
    together, alone = measured(estimates), measured(estimates[:1])
    assert together.over == "families and seeds" and together.n_seeds == 3
    assert together.high - together.low > 0.9 * (alone.high - alone.low)


def test_arms_are_compared_where_they_end(tables: tuple[pd.DataFrame, ...]) -> None:
    trained = study(run=["unfiltered", "misaligned_cpt", "filtered"], checkpoints=CHECKPOINTS)
    found = {(model.arm, model.stage): (other.arm, other.stage) for model, other in references(trained).items()}
    assert found == {
        ("misaligned_cpt", "cpt"): ("unfiltered", "midtraining"),
        ("misaligned_cpt", "dpo"): ("unfiltered", "dpo"),
        ("filtered", "midtraining"): ("unfiltered", "midtraining"),
        ("filtered", "dpo"): ("unfiltered", "dpo"),
        ("changed", "chat"): ("plain", "chat"),
    }


def test_versions_stay_apart(tables: tuple[pd.DataFrame, ...], elsewhere: Study) -> None:
    printed = tables[2]
    d, v = (printed[printed["version"] == version] for version in ("D", "V"))
    # Of V, the loss on average alone, for arms that are not its baseline; of D seven rates of an arm, and what follows.
    assert v["key"].to_list() == ["printed_tax/V/changed/average"]
    assert v[["printed", "measured"]].iloc[0].to_list() == [-0.03, pytest.approx(-0.05)]
    by_key = d.set_index("key")
    assert by_key.loc["printed_rate/D/plain/arc_easy", "printed"] == 0.78
    assert by_key.loc["printed_tax/D/changed/arc_easy", "printed"] == pytest.approx(0.77 - 0.78)
    means = [sum((0.78, 0.33, 0.37, 0.62, 0.51, 0.66, 0.11)) / 7, sum((0.77, 0.32, 0.34, 0.64, 0.49, 0.67, 0.09)) / 7]
    assert by_key.loc["printed_rate/D/plain/average", "printed"] == pytest.approx(means[0])
    assert by_key.loc["printed_tax/D/changed/average", "printed"] == pytest.approx(means[1] - means[0])
    assert not set(d["arm"]) & {"base"}, "nothing is printed of base models"

    three = CAPABILITIES[:3]
    some = pd.concat([items("plain", "chat", 100, three), items("changed", "chat", 90, three)])
    few = Capability.model_validate({"tasks": {name: SEVEN.tasks[name] for name in three}})
    scores = scores_by_task(some, few)
    only = study(run=[], checkpoints={name: CHECKPOINTS[name] for name in ("plain", "changed")})
    rates, taxes = capability_table(some, scores, few), tax_table(scores, only)
    beside = capability_beside_printed(rates, taxes, only, Claims.model_validate(english("claims")).root)
    assert "average" not in set(beside["task"]) and "average" in set(rates["task"]), "an average of other benchmarks"
    assert elsewhere.checkpoints


def test_claims_have_what_was_measured(tables: tuple[pd.DataFrame, ...]) -> None:
    claims = Claims.model_validate(english("claims")).root
    found = measured_capability(tables[2])
    (loss,) = [row for row in claim_rows(claims, "V", found, {"base": "none", "post": "none"}) if row.measured]
    assert loss.claim.measure == "capability_average_loss"
    assert loss.measured and loss.measured.value == pytest.approx(0.05) and loss.measured.interval
    assert loss.measured.interval[0] < 0.05 < loss.measured.interval[1]
    rows = [row for row in claim_rows(claims, "D", found, {"base": "none", "post": "none"}) if row.measured]
    assert {(row.claim.arm, row.measured.source) for row in rows if row.measured} == {
        ("unfiltered", "plain"),
        ("filtered_aligned_mid", "changed"),
    }
    assert {row.claim.measure for row in rows} == set(CAPABILITIES) and len(rows) == 14


def test_every_number_on_the_page_is_traced(tables: tuple[pd.DataFrame, ...]) -> None:
    rates, taxes, printed = tables
    page = render_capability("mine", rates, taxes, printed, SEVEN)
    names = ("capability", "alignment_tax", "printed_capability")
    named = {name: table.to_dict("records") for name, table in zip(names, tables, strict=True)}
    keys = set(re.findall(r'data-key="([^"]+)"', page))
    assert keys == {key for table in tables for key in table["key"]}
    for key in ("capability/plain/chat/mmlu", "tax/changed/chat/average/minus/plain", "printed_rate/D/plain/cute"):
        number = find_in(named, key)
        assert number.name == key and number.field == TABLES[number.table]
    assert find_in(named, "tax/changed/chat/mmlu/minus/plain").about == (("changed", "chat"), ("plain", "chat"))
    assert page.count('data-claim="V"') == 1
    assert page.count('data-claim="D"') == (printed["version"] == "D").sum()
    assert page == render_capability("mine", rates, taxes, printed, SEVEN)
