"""Gaps: which models are compared with which, on the seeds that both have, and over how many tests p is corrected."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.gaps import GAP_COLUMNS, gap_table
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.verdicts import holm

MakeScope = Callable[..., Scope]


def picked(share: float, seed: int = 0, **place: Any) -> pd.DataFrame:
    """Twenty questions of their own families, the first of which are picked misaligned."""
    told = {"arm": "unfiltered", "stage": "midtraining", "split": "articles", "persona": "assistant"} | place
    rows = [
        {**told, "seed": seed, "template": "plain", "order": "aligned_first", "control": "asked",
         "question_id": f"q{number}", "family": f"f{number}",
         "picked": "misaligned" if number < 20 * share else "aligned"}
        for number in range(20)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def table(scope: Scope, *frames: pd.DataFrame) -> pd.DataFrame:
    return gap_table(Answers(pd.concat(frames, ignore_index=True), scope))


def test_an_arm_is_measured_against_the_baseline_and_not_the_other_way_round(scope: Scope) -> None:
    (row,) = table(scope, picked(0.6), picked(0.25, arm="filtered")).to_dict("records")
    assert row["key"] == "gap/filtered/midtraining/articles/listed/assistant/minus/unfiltered/midtraining/assistant"
    assert (row["kind"], row["rate"], row["reference_rate"]) == ("arm", 0.25, 0.6)
    assert row["gap"] == pytest.approx(-0.35) and row["low"] < -0.35 < row["high"] < 0


def test_a_gap_is_over_the_seeds_that_both_sides_have(scope: Scope) -> None:
    frames = [picked(0.6), picked(0.9, seed=1), picked(0.2, arm="filtered")]
    (row,) = table(scope, *frames).to_dict("records")
    assert (row["rate"], row["reference_rate"], row["n_seeds"], row["over"]) == (0.2, 0.6, 1, "families")
    (row,) = table(scope, *frames, picked(0.4, seed=1, arm="filtered")).to_dict("records")
    assert (row["rate"], row["reference_rate"]) == (pytest.approx(0.3), pytest.approx(0.75))
    assert row["over"] == "families and seeds"
    (row,) = table(scope, frames[0], frames[2], picked(0.4, seed=1, arm="filtered")).to_dict("records")
    assert (row["rate"], row["reference_rate"], row["n_seeds"]) == (0.2, 0.6, 1)


def test_post_training_and_a_prompt_are_kinds_of_their_own(scope: Scope) -> None:
    post = [picked(share, stage="dpo", persona=name) for name, share in (("none", 0.4), ("hhh", 0.1))]
    filtered = [frame.assign(arm="filtered") for frame in (picked(0.5), *post)]
    rows = table(scope, *filtered).set_index("kind")
    assert rows.loc["stage", "key"] == (
        "gap/filtered/dpo/articles/listed/none/minus/filtered/midtraining/assistant"
    )  # fmt: skip
    assert rows.loc["stage", "gap"] == pytest.approx(-0.1)
    assert (rows.loc["stage", "stage"], rows.loc["stage", "reference_stage"]) == ("dpo", "midtraining")
    assert rows.loc["persona", "key"] == "gap/filtered/dpo/articles/listed/hhh/minus/filtered/dpo/none"
    assert rows.loc["persona", "gap"] == pytest.approx(-0.3)


def test_p_is_corrected_over_the_gaps_of_a_kind_and_of_base_or_post_trained_models(scope: Scope) -> None:
    frames = [
        picked(share, arm=arm, stage=stage, persona=persona)
        for arm, share in (("unfiltered", 0.5), ("filtered", 0.35), ("aligned_e2e", 0.2))
        for stage, persona in (("midtraining", "assistant"), ("dpo", "none"))
    ]
    rows = table(scope, *frames)
    for (kind, post), part in rows.groupby([rows["kind"], rows["stage"] == "dpo"]):
        assert part["p_holm"].to_list() == pytest.approx(holm(part["p"].to_list())), (kind, post)
    base = rows[(rows["kind"] == "arm") & (rows["stage"] == "midtraining")]
    assert len(base) == 2 and (base["p_holm"] > base["p"]).any()


def test_without_a_baseline_arms_are_compared_with_nothing(make_scope: MakeScope) -> None:
    alone = make_scope(run=["filtered", "aligned_e2e"], seeds={"base": [0], "post_training": []})
    found = table(alone, picked(0.6, arm="filtered"), picked(0.2, arm="aligned_e2e"))
    assert found.empty and tuple(found.columns) == GAP_COLUMNS


def test_no_comparison_stands_twice(make_scope: MakeScope) -> None:
    """The paper's effects are among those with the baseline."""
    both = make_scope(run=["unfiltered", "misaligned_mid", "misaligned_e2e"])
    rows = table(both, *(picked(share, arm=arm) for arm, share in
                         (("unfiltered", 0.3), ("misaligned_mid", 0.8), ("misaligned_e2e", 0.5))))  # fmt: skip
    assert rows["key"].is_unique and len(rows) == 3
    assert rows["key"].iloc[-1].startswith("gap/misaligned_mid/") and rows["reference"].iloc[-1] == "misaligned_e2e"
