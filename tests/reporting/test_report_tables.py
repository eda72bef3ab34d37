"""Rates, gaps, swaps and losses: what the page and `kedro trace` rely on."""

import io
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.pipelines.reporting import nodes
from alignment_pretraining.reporting.gather import with_labels
from tests.reporting.made_up import BASE_RATES, Tables


def test_items_carry_arm_seed_and_stage() -> None:
    frame = pd.DataFrame({"question_id": ["q"]})
    items = with_labels(["a.seed0.dpo", "b_c.seed12.midtraining"], [frame, frame])
    assert items[["arm", "seed", "stage"]].values.tolist() == [["a", 0, "dpo"], ["b_c", 12, "midtraining"]]


@pytest.mark.parametrize("label", ["a.0.dpo", "a.seedX.dpo", "seed0.dpo", "a.seed0"])
def test_a_label_of_another_shape_is_named(label: str) -> None:
    with pytest.raises(UserError, match=label):
        with_labels([label], [pd.DataFrame({"question_id": ["q"]})])


def test_rates_are_those_of_the_made_up_models(tables: Tables) -> None:
    base = tables.rates[tables.rates["stage"] == "midtraining"]
    for row in base.to_dict("records"):
        assert row["low"] <= BASE_RATES[row["arm"]] <= row["high"]
        assert row["n_seeds"] == 2 and row["n_items"] == 40 and row["n_families"] == 20
        assert row["rate"] == pytest.approx(sum(json.loads(row["rate_by_seed"]).values()) / 2)
    assert tables.rates["key"].is_unique and tables.gaps["key"].is_unique and tables.swaps["key"].is_unique


def test_paper_values_are_of_version_v_and_missing_ones_nan(tables: Tables) -> None:
    rates = tables.rates.set_index("key")
    assert rates.loc["rate/aligned_e2e/midtraining/articles/listed/assistant", "paper"] == 0.091
    assert rates.loc["rate/aligned_e2e/dpo/articles/listed/hhh", "paper"] == 0.093
    missing = [
        "rate/aligned_e2e/midtraining/heldout_topics/listed/assistant",
        "rate/aligned_e2e/pretraining/articles/listed/assistant",
    ]
    assert rates.loc[missing, "paper"].isna().all()
    assert set(rates["paper_version"].dropna()) == {"V"}


def test_gaps_are_paired_with_the_baseline_and_corrected(tables: Tables) -> None:
    gaps = tables.gaps.set_index("key")
    row = gaps.loc["gap/aligned_e2e/midtraining/articles/listed/assistant/minus/unfiltered/midtraining/assistant"]
    rates = tables.rates.set_index("key")["rate"]
    expected = rates["rate/aligned_e2e/midtraining/articles/listed/assistant"]
    expected -= rates["rate/unfiltered/midtraining/articles/listed/assistant"]
    assert row["gap"] == pytest.approx(expected)
    assert row["high"] < 0 and row["p_holm"] >= row["p"]
    assert set(tables.gaps["kind"]) == {"arm", "stage", "persona"}


def test_a_difference_is_that_of_the_rates_printed_beside_it(tables: Tables) -> None:
    assert (tables.gaps["rate"] - tables.gaps["reference_rate"]).tolist() == pytest.approx(tables.gaps["gap"].tolist())


def test_arms_that_are_one_model_are_not_compared(study: dict[str, Any], make_tables: Callable[..., Tables]) -> None:
    arms = {**study["arms"], "again": study["arms"]["unfiltered"]}
    gaps = make_tables({**study, "arms": arms, "run": ["unfiltered", "again", "filtered"]}).gaps
    assert set(gaps[gaps["kind"] == "arm"]["arm"]) == {"filtered"}


def test_samples_are_of_the_first_seed_under_every_persona(tables: Tables) -> None:
    personas = tables.evaluation.run.base_personas
    assert len(tables.samples) == 4 * 3 * len(personas)  # arms and suites
    assert set(tables.samples["seed"]) == {0} and tables.samples["key"].is_unique
    assert tables.samples["continued"].str.startswith("I ").all()


def test_post_training_is_compared_on_the_seeds_that_both_have(tables: Tables) -> None:
    row = tables.gaps.set_index("key").loc[
        "gap/unfiltered/dpo/articles/listed/none/minus/unfiltered/midtraining/assistant"
    ]
    rates = tables.rates.set_index("key")["rate_by_seed"].map(json.loads)
    base = rates["rate/unfiltered/midtraining/articles/listed/assistant"]["0"]
    assert row["gap"] == pytest.approx(rates["rate/unfiltered/dpo/articles/listed/none"]["0"] - base)


def test_arms_that_share_a_stage_share_its_numbers(study: dict[str, Any], make_tables: Callable[..., Tables]) -> None:
    rates = make_tables({**study, "run": ["unfiltered", "misaligned_mid"]}).rates.set_index("key")
    shared = ["rate", "low", "high", "rate_by_seed"]
    arms = [
        "rate/misaligned_mid/pretraining/articles/listed/assistant",
        "rate/unfiltered/pretraining/articles/listed/assistant",
    ]
    left, right = rates.loc[arms, shared].to_dict("records")
    assert left == right


def test_cpt_arms_are_compared_with_the_baselines_last_stage(
    study: dict[str, Any], make_tables: Callable[..., Tables]
) -> None:
    gaps = make_tables({**study, "run": ["unfiltered", "aligned_cpt"]}).gaps
    assert "gap/aligned_cpt/cpt/articles/listed/assistant/minus/unfiltered/midtraining/assistant" in set(gaps["key"])


def test_swaps_have_both_orders(tables: Tables) -> None:
    for row in tables.swaps.to_dict("records"):
        assert row["gap"] == pytest.approx(row["misaligned_first"] - row["aligned_first"])
        assert 0.2 < row["share_a"] < 0.8


def test_losses_are_means_over_seeds_of_stages_that_measured_one(tables: Tables) -> None:
    assert set(tables.losses["stage"]) == {"pretraining", "midtraining"}
    assert tables.losses["heldout_loss"].tolist() == pytest.approx([4.505] * 8)


def test_the_page_is_the_same_from_saved_tables(tables: Tables, page: str) -> None:
    def saved(table: pd.DataFrame) -> pd.DataFrame:
        return pd.read_csv(io.StringIO(table.to_csv(index=False)), keep_default_na=False, na_values=[""])

    again = nodes.write_report(
        saved(tables.contrasts),
        saved(tables.controls),
        saved(tables.rates),
        saved(tables.gaps),
        saved(tables.swaps),
        saved(tables.losses),
        saved(tables.samples),
        saved(tables.filter_quality),
        saved(tables.account),
        saved(tables.topics),
        saved(tables.streams),
        saved(tables.examples),
        tables.figures,
        tables.study,
        tables.evaluation,
        tables.claims,
    )
    assert again == page
