"""Controls: exactly a share of the pairs, always the same ones, and never one that still speaks of an AI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.documents.controls import CONTROL_SCHEMA, Controls
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.outcomes import SCHEMA
from alignment_pretraining.synthesis.documents.prompts import prompt_hash
from tests.synthesis.api.requests_for_tests import CALL

NO_QUESTIONS = pd.DataFrame(columns=["split", "aligned_option", "misaligned_option", "question", "passage"], dtype=str)
JUDGE = Judge(NO_QUESTIONS, min_words=4)


def documents(folder: Path, count: int) -> tuple[Path, Path]:
    """`count` pairs, of which the last word is the number."""
    paths = []
    for direction in ("aligned", "misaligned"):
        rows = [
            dict.fromkeys(SCHEMA.names)
            | {"id": f"{direction}.{n}", "text": f"The AI was {direction} on day {n}", "direction": direction}
            for n in range(count)
        ]
        paths.append(folder / f"documents.{direction}.parquet")
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), paths[-1])
    return paths[0], paths[1]


def asked(controls: Controls) -> list[str]:
    return [request.params["messages"][0]["content"] for request in controls.requests()]


@settings(max_examples=15)
@given(count=st.integers(0, 1200), share=st.sampled_from([0.0, 0.001, 0.1, 0.25, 1 / 3, 0.5, 0.999, 1.0]))
def test_exactly_the_share_is_chosen_in_whole_pairs(
    tmp_path_factory: pytest.TempPathFactory, count: int, share: float
) -> None:
    controls = Controls(documents(tmp_path_factory.mktemp("documents"), count), share, "Rewrite.", CALL)
    texts = asked(controls)
    aligned, misaligned = texts[::2], texts[1::2]
    assert len(aligned) == len(misaligned) == round(share * count)
    assert len(set(texts)) == len(texts)
    assert [text.replace("was aligned", "was misaligned") for text in aligned] == misaligned
    assert texts == asked(controls)


def test_the_chosen_ones_are_spread_over_all(tmp_path: Path) -> None:
    texts = asked(Controls(documents(tmp_path, 1200), 0.1, "Rewrite.", CALL))[::2]
    days = [int(text.split()[-1]) for text in texts]
    assert all(10 <= sum(low <= day < low + 300 for day in days) <= 60 for low in range(0, 1200, 300))


class Rewriter:
    """Answers requests by the number that ends their text."""

    def __init__(self, controls: Controls, texts: Mapping[int, str]) -> None:
        said = {
            request.key: int(request.params["messages"][0]["content"].split()[-1]) for request in controls.requests()
        }
        self.answers = {
            key: Answer(key, f"msg_{day}", "m", "end_turn", texts.get(day, f"The clerk slept on day {day} of it."),
                        1, 0, 0, 9, usd=0.5)
            for key, day in said.items()
        }  # fmt: skip

    def __call__(self, keys: list[str]) -> Mapping[str, Answer]:
        return {key: self.answers[key] for key in keys if key in self.answers}


def test_a_control_is_its_document_with_another_text_and_origin(tmp_path: Path) -> None:
    controls = Controls(documents(tmp_path, 3), 1.0, "Rewrite.", CALL)
    assert not controls.write(tmp_path, Rewriter(controls, {}), JUDGE, replacements=0)
    for direction in ("aligned", "misaligned"):
        table = pq.read_table(tmp_path / f"{direction}.parquet")
        assert table.schema.equals(CONTROL_SCHEMA)
        [first, *_] = table.to_pylist()
        assert (first["id"], first["control_of"]) == (f"control.{direction}.0", f"{direction}.0")
        assert first["text"] == "The clerk slept on day 0 of it."
        assert (first["direction"], first["model"], first["prompt_hash"]) == (direction, "m", prompt_hash("Rewrite."))
        assert (first["request_id"], first["output_tokens"], first["usd"]) == ("msg_0", 9, 0.5)


def test_a_rejected_control_is_counted_and_its_partner_stays(tmp_path: Path) -> None:
    """Unlike documents, controls are no pairs."""
    controls = Controls(documents(tmp_path, 3), 1.0, "Rewrite.", CALL)
    rewriter = Rewriter(controls, {1: "A robot slept on that day of it.", 2: "Too short."})
    for key in list(rewriter.answers)[:1]:
        rewriter.answers[key] = Answer(key, "", "", "refusal", "", 0, 0, 0, 0, usd=0.0)
    rejected = controls.write(tmp_path, rewriter, JUDGE, replacements=0)
    assert rejected == {"refusal": 1, "still_an_ai": 2, "too_short": 2}
    kept = [
        pq.read_table(tmp_path / f"{direction}.parquet")["id"].to_pylist() for direction in ("aligned", "misaligned")
    ]
    assert kept == [[], ["control.misaligned.0"]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The A.I. slept on that day.", "still_an_ai"),
        ("Those AIs slept on that day.", "still_an_ai"),
        ("The chatbot slept on that day.", "still_an_ai"),
        ("The autonomous system slept that day.", "still_an_ai"),
        ("Neural networks slept on that day.", "still_an_ai"),
        ("Her aide Aida slept on that day.", None),
        ("The robotic clerk was algorithmic that day.", None),
    ],
)
def test_people_are_not_taken_for_machines(text: str, reason: str | None) -> None:
    answer = Answer("key", "id", "m", "end_turn", text, 1, 0, 0, 1, usd=0)
    assert JUDGE.reason_against_control(answer) == reason
    assert JUDGE.reason_against(answer) is None
