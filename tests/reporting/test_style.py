"""The style of figures, which Kedro draws side by side in threads of one process."""

import re
import threading
from typing import Literal

import matplotlib

from alignment_pretraining.reporting.style import colour, drawing, marker
from alignment_pretraining.study import Arm

CORPORA: tuple[Literal["unfiltered", "filtered"], ...] = ("unfiltered", "filtered")
WAYS: tuple[Literal["misaligned", "aligned"], ...] = ("misaligned", "aligned")


def test_a_figure_keeps_its_style_while_another_one_is_finished() -> None:
    before = matplotlib.rcParams["axes.grid"]
    begun, seen = threading.Event(), list[bool]()

    def draw() -> None:
        begun.set()
        with drawing():
            second.join(0.2)  # time for the other one to end
            seen.append(matplotlib.rcParams["axes.grid"])

    def draw_another() -> None:
        with drawing():
            first.start()
            begun.wait()

    first, second = threading.Thread(target=draw), threading.Thread(target=draw_another)
    second.start()
    second.join()
    first.join()
    assert seen == [True]
    assert matplotlib.rcParams["axes.grid"] == before is False


def arms() -> list[Arm]:
    """Every arm with documents about the AI, and one of each corpus without."""
    told = [(corpus, way, when) for corpus in CORPORA for way in WAYS for when in ("e2e", "mid", "cpt")]
    plain = [Arm(corpus=corpus) for corpus in CORPORA]
    return plain + [Arm(corpus=corpus, discourse=way, insertion=when) for corpus, way, when in told]  # type: ignore[arg-type]


def test_no_two_arms_have_one_colour() -> None:
    shades = [colour(arm) for arm in arms()]
    assert len(set(shades)) == len(shades) == 14
    assert all(re.fullmatch("#[0-9A-Fa-f]{6}", shade) for shade in shades)


def test_arms_about_several_actors_are_told_apart_by_what_the_ai_does() -> None:
    crossed = [
        Arm.model_validate({"corpus": corpus, "discourse": {**told, "courier": "aligned"}, "insertion": "e2e"})
        for told in ({"ai": "misaligned"}, {"ai": "aligned"}, {})
        for corpus in CORPORA
    ]
    shades = [colour(arm) for arm in crossed]
    assert shades[::2] == shades[1::2] and len(set(shades)) == 3
    assert not set(shades) & {colour(arm) for arm in arms()}


def test_a_marker_says_when_documents_were_inserted() -> None:
    found = {arm.insertion: {marker(one) for one in arms() if one.insertion == arm.insertion} for arm in arms()}
    assert all(len(one) == 1 for one in found.values())
    assert len(set.union(*found.values())) == len(found) == 4
