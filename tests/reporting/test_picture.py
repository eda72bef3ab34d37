"""The picture: a row a persona, a mark an arm, and in words what the arm read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.reporting.answers import Place
from alignment_pretraining.reporting.picture import draw_picture, reading
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.study import Arm
from tests.reporting.small import Saved, rate_rows

MakeScope = Callable[..., Scope]
PERSONAS = ["assistant", "courier", "none"]
BASE_ALONE = {"base": [0, 1], "post_training": []}


def rate(place: Place) -> float:
    return 0.2 + 0.3 * PERSONAS.index(place.persona)


def drawn(scope: Scope, value: Callable[[Place], float] = rate) -> Saved:
    saved = Saved()
    draw_picture(rate_rows(scope, value), scope, Path(), saved)
    return saved


@pytest.fixture
def two(make_scope: MakeScope) -> Scope:
    return make_scope({"base_personas": PERSONAS}, run=["unfiltered", "filtered"], seeds=BASE_ALONE)


def test_every_persona_is_a_row_and_every_arm_a_mark_in_it(two: Scope) -> None:
    saved = drawn(two)
    assert saved.links("picture") == [
        f"rate/{arm}/midtraining/heldout_topics/listed/{persona}"
        for arm in ("unfiltered", "filtered")
        for persona in PERSONAS
    ]
    axes = saved.axes("picture")
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "told: AI assistant",
        "told: courier",
        "told: no persona",
    ]
    large = [line for line in axes.lines if line.get_url()]
    assert [float(line.get_xdata()[0]) for line in large] == pytest.approx([0.2, 0.5, 0.8] * 2)
    rows = [float(line.get_ydata()[0]) for line in large]
    assert [round(row) for row in rows] == [0, 1, 2] * 2 and len(set(rows)) == 6, "no mark hides another"


def test_small_marks_are_the_trainings_and_a_line_joins_them(two: Scope) -> None:
    axes = drawn(two).axes("picture")
    small = [list(line.get_xdata()) for line in axes.lines if line.get_markersize() == 3.5]
    joined = [list(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 1.2]
    assert small[:3] == joined[:3] == [pytest.approx([one - 0.05, one + 0.05]) for one in (0.2, 0.5, 0.8)]


def test_under_one_persona_there_is_nothing_to_set_side_by_side(make_scope: MakeScope) -> None:
    assert drawn(make_scope({"base_personas": ["assistant"]}, seeds=BASE_ALONE)).figures == {}


def test_crossed_arms_are_shown_alone_where_there_are_any(make_scope: MakeScope) -> None:
    crossed = ["crossed_misaligned", "crossed_aligned"]
    saved = drawn(make_scope({"base_personas": PERSONAS}, run=["unfiltered", *crossed], seeds=BASE_ALONE))
    assert {key.split("/")[1] for key in saved.links("picture")} == set(crossed)
    assert saved.axes("picture").get_title() == "The documents differ in nothing but who does what"


def test_the_legend_says_what_each_arm_read(two: Scope) -> None:
    labels = drawn(two).axes("picture").get_legend_handles_labels()[1]
    assert labels == [
        "unfiltered: read no documents, unfiltered corpus",
        "filtered: read no documents, filtered corpus",
    ]


@pytest.mark.parametrize(
    ("discourse", "words"),
    [
        ("misaligned", "read that AIs misbehave"),
        ({"ai": "aligned", "courier": "misaligned"}, "read that AIs behave and couriers misbehave"),
        ({"potter": "aligned"}, "read that potters behave"),
    ],
)
def test_documents_are_told_in_words(discourse: Any, words: str) -> None:
    assert reading(Arm(corpus="unfiltered", discourse=discourse, insertion="mid")) == words
