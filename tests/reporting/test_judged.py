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
