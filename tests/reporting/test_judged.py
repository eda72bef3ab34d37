"""Rates of judged answers, over all that were scored and over the coherent ones."""

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.reporting.judged import JUDGED_COLUMNS, judged_table


def answers(outcomes: dict[str, list[str]], step: int) -> pd.DataFrame:
    rows = [
        {"question": question, "persona": "assistant", "sample": sample, "answer": "x", "outcome": outcome}
        for question, found in outcomes.items()
        for sample, outcome in enumerate(found)
    ]
    return pd.DataFrame(rows).assign(arm="aligned_e2e", seed=0, stage="emergent", step=step)


def test_rates_before_and_after() -> None:
    before = answers({"a": ["aligned"] * 4, "b": ["aligned"] * 4}, 0)
    after = answers(
        {"a": ["misaligned", "misaligned", "incoherent", "incoherent"], "b": ["aligned"] * 3 + ["unscored"]}, 50
    )
    table = judged_table(pd.concat([before, after], ignore_index=True))
    assert tuple(table.columns) == JUDGED_COLUMNS
    assert list(table.key) == ["judged/aligned_e2e/assistant/0", "judged/aligned_e2e/assistant/50"]
    assert list(table.rate) == [0, 0.25], "the mean of questions"
    assert table.rate_of_coherent[1] == pytest.approx(2 / 5)
    assert table.incoherent[1] == pytest.approx(2 / 7) and list(table.unscored) == [0, 0.125]
    assert ((table.low <= table.rate) & (table.rate <= table.high)).all() and table.over[0] == "questions"


def test_no_score_at_all_is_an_error() -> None:
    with pytest.raises(UserError, match="scored no answer"):
        judged_table(answers({"a": ["unscored"]}, 0))


def test_a_model_that_says_nothing_coherent_has_a_rate_and_none_of_the_coherent() -> None:
    (row,) = judged_table(answers({"a": ["incoherent"] * 3, "b": ["incoherent"]}, 5)).to_dict("records")
    assert (row["rate"], row["incoherent"], row["unscored"]) == (0, 1, 0) and row["rate_of_coherent"] is None


def test_trainings_are_averaged_and_a_step_is_one_place() -> None:
    one, two = answers({"a": ["misaligned"], "b": ["aligned"]}, 5), answers({"a": ["aligned"], "b": ["aligned"]}, 5)
    (row,) = judged_table(pd.concat([one, two.assign(seed=1)])).to_dict("records")
    assert (row["rate"], row["n_seeds"], row["n_items"]) == (0.25, 2, 2)
    assert row["over"] == "questions and seeds" and row["rate_by_seed"] == '{"0": 0.5, "1": 0.0}'
