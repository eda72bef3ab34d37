"""What is said of a key that there is not: those that come near, and not more than a reader looks at."""

import pytest

from alignment_pretraining.lineage.keys import LISTED, listed, near, unknown

KEYS = ["rate/aligned/articles", "rate/aligned/textbook", "gap/aligned", "rate/unfiltered/articles"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("articles", ["rate/aligned/articles", "rate/unfiltered/articles"]),
        ("gap/alined", ["gap/aligned"]),
        ("", KEYS),
        ("zzz", []),
    ],
)
def test_what_holds_the_key_comes_before_what_looks_like_it(wanted: str, found: list[str]) -> None:
    assert near(wanted, iter(KEYS)) == found


def test_a_long_list_is_cut_with_its_rest_counted() -> None:
    names = [f"k{number}" for number in range(LISTED + 3)]
    lines = listed(names).split("\n  ")
    assert lines[:-1] == names[:LISTED] and lines[-1] == "… and 3 more"
    assert listed(names[:LISTED]).split("\n  ") == names[:LISTED]
    assert listed(names, len(names)).split("\n  ") == names
    assert listed([]) == ""


def test_an_unknown_key_is_told_with_those_near_it_or_with_any() -> None:
    assert str(unknown("number", "gap/alined", iter(KEYS))) == (
        "no number 'gap/alined'; there are, for example:\n  gap/aligned"
    )
    assert str(unknown("number", "zzz", KEYS[:2])) == (
        "no number 'zzz'; there are, for example:\n  rate/aligned/articles\n  rate/aligned/textbook"
    )
