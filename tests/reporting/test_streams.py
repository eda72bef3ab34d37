"""What each stage read: every source of the first training, by its share of the tokens."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.streams import STREAM_COLUMNS, draw_streams, stream_table
from tests.reporting.small import Saved


def told(**tokens: int) -> dict[str, Any]:
    sources = {name: {"out": {"documents": count // 10, "tokens": count}} for name, count in tokens.items()}
    return {"mix": {"sources": sources}}


def arm(name: str, **stages: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{name}.seed{seed}.{stage}": what for seed in (0, 1) for stage, what in stages.items()}


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["corpus", "mcqa", "ai_aligned"]), st.integers(0, 10**12), min_size=1))
def test_shares_of_a_stage_come_together_as_one(scope: Scope, tokens: dict[str, int]) -> None:
    table = stream_table([arm("unfiltered", pretraining=told(**tokens))], scope)
    assert dict(zip(table["source"], table["tokens"], strict=True)) == {k: v for k, v in tokens.items() if v}
    assert table["share"].sum() == (pytest.approx(1) if any(tokens.values()) else 0)


def test_the_first_training_is_told_and_a_source_that_gave_nothing_is_not(scope: Scope) -> None:
    mix = told(corpus=900, ai_aligned=100, mcqa=0)
    table = stream_table([arm("aligned_e2e", pretraining=mix)], scope)
    assert table["seed"].unique().tolist() == [0]
    assert table["key"].tolist() == [f"stream/aligned_e2e/pretraining/{name}" for name in ("corpus", "ai_aligned")]
    assert table["share"].tolist() == [0.9, 0.1] and table["documents"].tolist() == [90, 10]


def test_stages_stand_in_the_order_of_the_study_and_of_training(scope: Scope) -> None:
    mix, none = told(corpus=10), {"mix": None}
    arms = [
        arm("filtered", midtraining=mix, pretraining=mix, sft=none),
        arm("unfiltered", midtraining=mix, dpo=none, pretraining=mix),
    ]
    table = stream_table(arms, scope)
    assert list(zip(table["arm"], table["stage"], strict=True)) == [
        ("unfiltered", "pretraining"),
        ("unfiltered", "midtraining"),
        ("filtered", "pretraining"),
        ("filtered", "midtraining"),
    ]


def test_a_study_without_streams_has_an_empty_table_and_no_figure(scope: Scope) -> None:
    table = stream_table([arm("unfiltered", sft={"mix": None})], scope)
    assert table.empty and tuple(table.columns) == STREAM_COLUMNS
    saved = Saved()
    draw_streams(table, Path(), saved)
    assert saved.figures == {}


def test_bars_stand_end_to_end_and_leave_the_corpus_out(scope: Scope) -> None:
    stages = {
        "pretraining": told(corpus=700, mcqa=50, ai_misaligned=150, courier_aligned=100),
        "midtraining": told(corpus=500, ai_misaligned=500),
    }
    saved = Saved()
    draw_streams(stream_table([arm("misaligned_e2e", **stages)], scope), Path(), saved)
    axes = saved.axes("streams")
    bars = [bar for bar in axes.patches if bar.get_url()]
    assert [bar.get_url() for bar in bars] == [
        "#stream/misaligned_e2e/pretraining/mcqa",
        "#stream/misaligned_e2e/pretraining/ai_misaligned",
        "#stream/misaligned_e2e/pretraining/courier_aligned",
        "#stream/misaligned_e2e/midtraining/ai_misaligned",
    ]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    assert ends == [pytest.approx(end) for end in ((0, 5), (5, 20), (20, 30), (0, 50))]
    assert bars[1].get_facecolor() == bars[3].get_facecolor() != bars[0].get_facecolor()
    assert axes.get_legend_handles_labels()[1] == ["mcqa", "ai_misaligned", "courier_aligned"]
    assert axes.get_xlim()[1] == pytest.approx(52.5)


def test_a_stage_of_the_corpus_alone_keeps_its_row(scope: Scope) -> None:
    saved = Saved()
    draw_streams(stream_table([arm("unfiltered", pretraining=told(corpus=10))], scope), Path(), saved)
    axes = saved.axes("streams")
    assert [text.get_text() for text in axes.get_yticklabels()] == ["unfiltered, pretraining"]
    assert saved.links("streams") == [] and not saved.figures["streams"].legends
