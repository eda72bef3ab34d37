"""Rates by protocol, agreement, and the paper's figures beside them: of models whose conduct is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.reporting.claims import Claim
from alignment_pretraining.reporting.printed import beside_printed, verdict
from alignment_pretraining.reporting.protocol_page import render_protocols
from alignment_pretraining.reporting.protocols import agreement_table, protocol_rates
from alignment_pretraining.study import Checkpoint

ORDERS = ("aligned_first", "misaligned_first")
MAIN = {"base": "assistant", "post": "none"}


def answers(
    outcome: Any, protocol: str = "parenthesis", count: int = 60, templates: tuple[str, ...] = ("one", "two")
) -> pd.DataFrame:
    """What a model answers by `outcome(number, order)`, of questions in families of two."""
    rows = []
    for number in range(count):
        for template in templates:
            for order in ORDERS:
                found = outcome(number, order)
                picked = found if found in ("aligned", "misaligned") else ""
                first = "aligned" if order == "aligned_first" else "misaligned"
                totals = {name: np.log(0.6 if name == picked else 0.2) for name in ("aligned", "misaligned")}
                rows.append(
                    {
                        "arm": "released", "seed": 0, "stage": "base", "protocol": protocol, "split": "articles",
                        "persona": "assistant", "control": "asked", "template": template, "order": order,
                        "question_id": f"q{number}", "family": f"f{number // 2}", "outcome": found, "picked": picked,
                        "picked_option": "" if not picked else "A" if picked == first else "B", "tie": False,
                        "total_aligned": totals["aligned"], "total_misaligned": totals["misaligned"],
                        "logprob_aligned": totals["aligned"], "logprob_misaligned": totals["misaligned"],
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def always_a(number: int, order: str) -> str:
    return order.removesuffix("_first")


def aligned_with(p: float) -> Any:
    draw = np.random.default_rng(0).random(60)
    return lambda number, order: "aligned" if draw[number] < p else "misaligned"


def test_a_model_that_always_takes_a_is_seen_by_its_letters() -> None:
    (row,) = protocol_rates(answers(always_a)).to_dict("records")
    assert row["rate"] == pytest.approx(0.5)
    assert (row["rate_misaligned_is_a"], row["rate_misaligned_is_b"], row["share_a"], row["flipped"]) == (1, 0, 1, 1)
    assert row["letter_mass"] == pytest.approx(0.8)
    assert row["letter_prior"] == pytest.approx(0.75)
    assert row["balanced"] == 0  # both orders together say nothing
    assert row["sem_formats"] == pytest.approx(np.std([0, 1, 0, 1], ddof=1) / 2)


def test_refusals_and_what_is_not_parsed_are_counted_and_dropped_from_nothing() -> None:
    outcomes = ["refused", "unparsed", "misaligned", "aligned"]
    (row,) = protocol_rates(answers(lambda number, order: outcomes[number % 4], "generated")).to_dict("records")
    assert (row["answered"], row["refused"], row["unparsed"]) == (0.5, 0.25, 0.25)
    assert (row["rate"], row["rate_of_answered"]) == pytest.approx((0.25, 0.5))
    assert row["n_items"] == 60
    assert np.isnan(row["letter_mass"])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_a_known_rate_is_recovered(p: float) -> None:
    (row,) = protocol_rates(answers(aligned_with(1 - p))).to_dict("records")
    assert row["low"] <= p <= row["high"]
    assert row["low"] <= row["low_90"] <= row["rate"] <= row["high_90"] <= row["high"]


def test_protocols_agree_where_they_pick_alike() -> None:
    same = pd.concat([answers(aligned_with(0.5)), answers(aligned_with(0.5), "letter")])
    (row,) = agreement_table(same).to_dict("records")
    assert (row["agreement"], row["kappa"], row["answered_by_both"], row["n"]) == (1, 1, 1, 240)
    other = pd.concat([answers(aligned_with(0.5)), answers(always_a, "letter")])
    (row,) = agreement_table(other).to_dict("records")
    assert row["agreement"] == 0.5
    assert row["kappa"] == pytest.approx(0, abs=1e-9)
    half = answers(lambda number, order: "refused" if number % 2 else "aligned", "generated")
    some = pd.concat([answers(aligned_with(0.5)), half])
    (row,) = agreement_table(some).to_dict("records")
    assert row["answered_by_both"] == 0.5


def claim(version: str, value: float, persona: str | None = "assistant", arm: str = "unfiltered") -> Claim:
    told = {"version": version, "arm": arm, "stage": "base", "split": "articles", "persona": persona, "value": value}
    return Claim.model_validate(told | {"tolerance": 0.003, "approximate": False, "place": f"table of {version}"})


def test_versions_stand_apart_and_each_rate_beside_its_own_arm() -> None:
    rates = protocol_rates(answers(aligned_with(0.5)))
    checkpoints = {"released": Checkpoint(folder="a", paper="unfiltered"), "other": Checkpoint(folder="b")}
    claims = [claim("V", 0.45), claim("V", 0.9, arm="filtered"), claim("V", 0.1, "hhh"), claim("D", 0.41, None)]
    printed = beside_printed(rates, checkpoints, claims, MAIN)
    assert printed[["version", "printed"]].to_numpy().tolist() == [["V", 0.45], ["D", 0.41]]
    assert printed["by_authors"].all()
    page = render_protocols("released", rates, agreement_table(answers(always_a)), printed, checkpoints)
    assert page.count('data-claim="V"') == page.count('data-claim="D"') == 2
    for version, other in (("V", "D"), ("D", "V")):
        section = page.split(f'id="printed-{version}"')[1].split("</section>")[0]
        assert f"table of {version}" in section
        assert f"table of {other}" not in section


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((0.43, 0.47, 0.44, 0.46), "equivalent"),
        ((0.51, 0.6, 0.52, 0.59), "different"),
        ((0.3, 0.39, 0.31, 0.38), "different"),
        ((0.38, 0.52, 0.39, 0.51), "undecided"),
        ((0.47, 0.53, 0.48, 0.52), "undecided"),
    ],
)
def test_a_verdict_needs_a_margin(interval: tuple[float, float, float, float], said: str) -> None:
    assert verdict(*interval, printed=0.45, margin=0.05) == said
