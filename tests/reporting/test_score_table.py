"""Rates and contrasts of cells, paired by question and seed."""

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.reporting.score_table import contrast, difference, rate, score_table
from alignment_pretraining.reporting.statistics import estimate
from tests.reporting.crossed_studies import FOURS, MINUS, crossed_study, study


def test_scores_are_paired_by_question_and_seed_whatever_their_order() -> None:
    values = crossed_study(3, 0.3)
    items = study(values, FOURS).sample(frac=1, random_state=0)
    scores = score_table(items)
    expected = estimate(values, FOURS, MINUS)
    assert difference(scores, "x", "y").interval() == pytest.approx(expected.interval(), abs=1e-9)
    assert rate(scores, "x").value == pytest.approx(values[0].mean())


def test_formats_are_averaged_and_cells_may_have_several_columns() -> None:
    items = study(np.array([[[0.0, 1.0]]]), np.arange(2)).assign(persona="ai", format=0)
    both = pd.concat([items, items.assign(score=1.0, format=1)])
    scores = score_table(both, by=("arm", "persona"))
    assert scores.cells == (("x", "ai"),)
    assert scores.values.tolist() == [[[0.5, 1.0]]]


def test_a_difference_of_differences_is_one_contrast() -> None:
    values = np.concatenate([crossed_study(4, 0.6), crossed_study(5, -0.2)])
    found = contrast(score_table(study(values, FOURS)), {"x": 1, "y": -1, "z": -1, "w": 1})
    mean = values.mean((1, 2))
    assert found.value == pytest.approx(mean[0] - mean[1] - mean[2] + mean[3])
    assert (found.lowest, found.highest) == (-2, 2)


def test_only_common_seeds_count_and_what_cannot_be_compared_is_refused() -> None:
    items = study(crossed_study(6, 0.2), FOURS)
    fewer = items[(items["arm"] == "x") | (items["seed"] == 1)]
    assert difference(score_table(fewer), "x", "y").n_seeds == 1
    with pytest.raises(UserError, match="no seed"):
        difference(score_table(items[(items["arm"] == "x") == (items["seed"] == 1)]), "x", "y")
    with pytest.raises(UserError, match="q005"):
        difference(
            score_table(items.drop(items.index[(items["question_id"] == "q005") & (items["arm"] == "x")])), "x", "y"
        )
    with pytest.raises(UserError, match="'z'"):
        rate(score_table(items), "z")
    with pytest.raises(UserError, match="no items"):
        score_table(items.head(0))
    with pytest.raises(UserError, match="outside 0 to 1"):
        score_table(items.assign(score=2.0))
    with pytest.raises(UserError, match="one family"):
        score_table(items.assign(family=items["seed"].astype(str)))


@pytest.mark.parametrize("score", [float("nan"), -0.01, 1.01])
def test_a_score_that_is_none_is_refused(score: float) -> None:
    items = study(crossed_study(6, 0.2), FOURS)
    items.loc[7, "score"] = score
    with pytest.raises(UserError, match="a score is missing or outside 0 to 1; evaluate again"):
        score_table(items)


def test_cells_seeds_and_questions_are_found_by_name_whatever_the_rows() -> None:
    items = study(np.array([[[0.0, 1.0], [1.0, 1.0]], [[0.5, 0.5], [0.0, 0.0]]]), np.array([0, 1]))
    scores = score_table(items.assign(seed=items["seed"].map({0: 12, 1: 3})).iloc[::-1])
    assert scores.seeds == (3, 12) and scores.questions == ("q000", "q001") and list(scores.families) == ["f0", "f1"]
    assert scores.by_seed("x") == {3: 1.0, 12: 0.5} and scores.by_seed("y") == {3: 0.0, 12: 0.5}


def test_a_training_that_a_cell_has_not_is_not_among_its_rates() -> None:
    items = study(crossed_study(6, 0.2), FOURS)
    scores = score_table(items[(items["arm"] == "y") | (items["seed"] == 1)])
    assert list(scores.by_seed("x")) == [1] and list(scores.by_seed("y")) == [0, 1, 2]


def test_questions_that_nobody_of_a_contrast_was_asked_are_not_missed() -> None:
    items = study(np.concatenate([crossed_study(4, 0.6), crossed_study(5, -0.2)]), FOURS)
    items = items[~(items["arm"].isin(["x", "y"]) & (items["question_id"] < "q008"))]
    found = difference(score_table(items), "x", "y")
    assert (found.n_items, found.n_families) == (56, 14)
