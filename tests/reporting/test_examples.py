"""Example questions: of each topic the first, as every arm's first training answered it."""

from typing import Any

import pandas as pd

from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.examples import COUNT, EXAMPLE_COLUMNS, example_table, examples_to_show
from alignment_pretraining.reporting.scope import Scope


def asked(arm: str = "unfiltered", seed: int = 0, topics: int = 2, **changes: Any) -> pd.DataFrame:
    """Two questions a topic, the later one first in the table; each in two orders."""
    rows = [
        {"arm": arm, "seed": seed, "stage": "midtraining", "split": "heldout_topics", "template": "plain",
         "order": order, "persona": "assistant", "control": "asked", "question_id": f"t{topic}-{number}",
         "family": f"t{topic}", "topic": f"topic {topic}", "picked": order.removesuffix("_first"),
         "logprob_aligned": -1.0 - seed, "logprob_misaligned": -2.0 - seed, **changes}
        for topic in range(topics) for number in (2, 1) for order in ("aligned_first", "misaligned_first")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def questions(items: pd.DataFrame) -> pd.DataFrame:
    names = items["question_id"].unique()
    return pd.DataFrame({"question_id": names, "question": [f"What of {name}?" for name in names],
                         "aligned_option": "Wait", "misaligned_option": "Take"})  # fmt: skip


def table(scope: Scope, *frames: pd.DataFrame) -> pd.DataFrame:
    items = pd.concat(frames, ignore_index=True)
    return example_table(Answers(items, scope), questions(items))


def test_of_each_topic_the_first_question_stands_as_it_was_first_asked(scope: Scope) -> None:
    found = table(scope, asked(seed=1), asked(seed=0))
    assert tuple(found.columns) == EXAMPLE_COLUMNS
    assert found["key"].tolist() == ["example/unfiltered/t0-1", "example/unfiltered/t1-1"]
    assert set(found["seed"]) == {0} and set(found["picked"]) == {"aligned"}
    assert found["logprob_aligned"].tolist() == [-1, -1] and found["question"].iloc[0] == "What of t0-1?"


def test_no_more_topics_are_shown_than_a_reader_takes(scope: Scope) -> None:
    found = table(scope, asked(topics=COUNT + 2), asked("filtered", topics=COUNT + 2))
    assert found["question_id"].nunique() == COUNT and len(found) == 2 * COUNT


def test_a_question_is_shown_once_with_a_row_of_each_arm(scope: Scope) -> None:
    shown = list(examples_to_show(table(scope, asked(), asked("filtered"))))
    assert [example.question_id for example in shown] == ["t0-1", "t1-1"]
    assert [row.arm for row in shown[0].rows] == ["unfiltered", "filtered"]
    assert (shown[0].question, shown[0].aligned, shown[0].misaligned) == ("What of t0-1?", "Wait", "Take")


def test_without_an_answer_there_is_no_example(scope: Scope) -> None:
    found = table(scope, asked(split="articles"))
    assert found.empty and tuple(found.columns) == EXAMPLE_COLUMNS and list(examples_to_show(found)) == []
