"""The arithmetic of what was read, flagged and left: numbers that were worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.corpus.assemble import mix_in
from alignment_pretraining.mixing.corpus.discourse import DiscourseSupply
from alignment_pretraining.mixing.filtering.account import corpus_account
from alignment_pretraining.mixing.filtering.quality import COLUMNS, known_leakage, passage_quality, wilson


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.278),
        (10, 10, 0.722, 1.0),
        (1, 2, 0.095, 0.905),
        (5, 100, 0.022, 0.112),
        (500, 1000, 0.469, 0.531),
    ],
)
def test_the_interval_of_a_share_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    found = wilson(hits, of)
    assert found[:3] == (hits, of, hits / of)
    assert [round(found.low, 3), round(found.high, 3)] == [low, high]


def test_of_nothing_everything_is_possible() -> None:
    found = wilson(0, 0)
    assert math.isnan(found.value) and (found.low, found.high) == (0.0, 1.0)


def test_precision_and_recall_of_each_length_and_half_are_counted_apart() -> None:
    rows = [
        ("discourse", "sentence", "tune", True),
        ("discourse", "sentence", "tune", False),
        ("discourse", "sentence", "test", True),
        ("neutral_ai", "sentence", "test", True),
        ("hard_negative", "sentence", "test", False),
        ("discourse", "document", "test", False),
    ]
    passages = pd.DataFrame(rows, columns=["label", "length", "split", "flagged"])
    table = passage_quality(passages, {"keywords": passages.flagged.to_numpy(), "none": np.zeros(6, bool)})
    assert list(table.columns) == COLUMNS and table.key.is_unique and len(table) == 2 * 3 * 4
    found = {key: (hits, of) for key, hits, of in zip(table.key, table.hits, table.of, strict=True)}
    assert found["filter/keywords/recall/sentence/tune"] == (1, 2)
    assert found["filter/keywords/recall/sentence/test"] == (1, 1)
    assert found["filter/keywords/precision/sentence/test"] == (1, 2)
    assert found["filter/keywords/neutral_ai_flagged/sentence/test"] == (1, 1)
    assert found["filter/keywords/hard_negative_flagged/sentence/test"] == (0, 1)
    assert found["filter/keywords/precision/document/test"] == (0, 0)
    assert found["filter/none/recall/sentence/tune"] == (0, 2)


def test_leakage_is_the_share_of_what_was_kept() -> None:
    account = pd.DataFrame({"source": ["web", "known", "more"], "flagged": [9, 90, 0], "kept": [150, 10, 40]})
    [row] = known_leakage(account, "known").to_dict("records")
    assert (row["hits"], row["of"], row["value"]) == (10, 200, 0.05)
    [row] = known_leakage(account[account.source != "known"], "known").to_dict("records")
    assert (row["hits"], row["value"]) == (0, 0.0)


COUNTS = st.integers(0, 50)
PARTS = st.lists(st.tuples(st.sampled_from("abc"), COUNTS, COUNTS), max_size=6)


@settings(max_examples=25)
@given(parts=PARTS, out=st.dictionaries(st.sampled_from("abc"), st.tuples(COUNTS, COUNTS), min_size=3))
def test_every_document_of_every_source_is_somewhere(
    parts: list[tuple[str, int, int]], out: dict[str, tuple[int, int]]
) -> None:
    """A source of which nothing was left for the filter is in the account, too."""
    decided = pd.DataFrame(parts, columns=["source", "flagged", "kept"]).astype({"flagged": int, "kept": int})
    decided = decided.assign(flagged_bytes=decided.flagged * 10, kept_bytes=decided.kept * 10)
    rows = []
    for source, (quarantined, held_out) in out.items():
        own = sum(flagged + kept for name, flagged, kept in parts if name == source)
        rows.append((source, own + quarantined + held_out, quarantined, held_out))
    reading = pd.DataFrame(rows, columns=["source", "read", "quarantined", "held_out"])
    account = corpus_account(reading, decided)
    assert account.source.tolist() == list(out)
    assert account.key.tolist() == ["documents/0", "documents/1", "documents/2"]
    assert account.read.sum() == account[["quarantined", "held_out", "flagged", "kept"]].to_numpy().sum()
    for wrong in (1, -1):
        with pytest.raises(UserError, match=rf"^b: \{wrong:+} documents between .*00_scratch/tasks"):
            corpus_account(reading.assign(read=reading["read"] + wrong * (reading.source == "b")), decided)


@pytest.mark.parametrize(
    ("share", "base", "wanted"), [(0, 1000, 0), (0.5, 1000, 1000), (0.1, 9000, 1000), (0.02, 98, 2), (0.75, 1, 3)]
)
def test_discourse_is_a_share_of_the_whole_and_not_of_the_rest(share: float, base: int, wanted: int) -> None:
    supply = DiscourseSupply(share, wanted)
    assert supply.wanted(base) == wanted
    supply.check(base)
    supply.check_reading(2 * base)
    if wanted:
        with pytest.raises(UserError, match=r"lower the share, or raise synthesis\.natural_discourse\.count"):
            DiscourseSupply(share, wanted - 1).check(base)
        with pytest.raises(UserError, match=r"lower the share, or raise synthesis\.natural_discourse\.count"):
            supply.check_reading(4 * base)


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    base=st.integers(0, 2000),
    share=st.floats(0, 0.9),
    seed=st.integers(0, 5),
)
def test_discourse_is_mixed_in_up_to_its_share_and_not_one_document_less(
    sizes: list[int], base: int, share: float, seed: int
) -> None:
    wanted = DiscourseSupply(share, 0).wanted(base)
    if sum(sizes) < wanted:
        with pytest.raises(UserError, match=f"asks for {wanted:,} bytes .* but there are {sum(sizes):,}"):
            mix_in(np.array(sizes), base, share, seed)
        return
    chosen = mix_in(np.array(sizes), base, share, seed)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert wanted - max(sizes) < sum(sizes[number] for number in chosen) <= wanted or len(chosen) == len(sizes)
    assert mix_in(np.array(sizes), base, share, seed).tolist() == chosen.tolist()
