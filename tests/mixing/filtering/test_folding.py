"""Folding against `normalize`, its plain definition, where loops go wrong: at ends, limits and widths."""

import random
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.mixing.filtering.folding import fold
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher, RegexMatcher
from tests.mixing.filtering.test_normalize import folded, plainly

LETTERS = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_!-", max_size=12)
INSIDE = st.text(alphabet="b =\"'/-\n\u00e9\u200b&", max_size=8)
TAGS = st.builds("<{}{}{}>".format, st.sampled_from(["", "/", "//"]), LETTERS, INSIDE)
NAMES = st.sampled_from(["a", "b", "big", "strong", "wbr", "p", "br", "script", "STRONG", "b1", "b_", "smalls"])
REFERENCES = ["&lt;", "&gt;", "&#45;", "&amp;lt;", "&shy;", "&NewLine;", "&#x0a;", "&#0;", "&#xD800;", "&nosuch;", "&"]
PARTS = st.one_of(
    TAGS,
    st.builds("<{}>".format, NAMES),
    st.sampled_from(REFERENCES),
    st.sampled_from(["-\n", "-\r\n", "-\r", "-\n\t ", "\u200b", "\u2010\n", "A", "\u0301", "x", " ", "\u0663", "\xb2"]),
)


@settings(max_examples=200)
@given(st.lists(st.lists(PARTS, max_size=10).map("".join), min_size=1, max_size=3))
def test_tags_of_any_shape_and_words_parted_by_them_are_read_as_they_are_defined(texts: list[str]) -> None:
    assert folded(texts) == [plainly(text) for text in texts]


@pytest.mark.parametrize("length", [0, 1, 298, 299, 300, 301, 302, 5000])
@pytest.mark.parametrize("name", ["b", "p", "strong", "!", "abcdefgh", "abcdefghi", "b" * 300])
def test_a_tag_may_be_so_long_and_no_longer(name: str, length: int) -> None:
    texts = [f"ro<{name} {'x' * length}>bot", f"ro<{name}{' ' * length}", f"ro<{name} {'é' * length}>b-\not"]
    assert folded(texts) == [plainly(text) for text in texts]


@pytest.mark.parametrize("joint", ["<b>", "<p>", "-\n", "-\r\n  ", "\u200b", "-<i>\n</i>", "</b", "-\n-\n", "<<b>b>"])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9])
def test_a_joint_at_either_end_of_a_text_or_beside_another_is_none_or_one(joint: str, size: int) -> None:
    """With and without letters around, of which those that a term may reach are kept."""
    around = "abcdefghi"[:size]
    texts = [around + joint, joint + around, around + joint + around, joint * 3, around + joint * 2 + around]
    assert folded(texts) == [plainly(text) for text in texts]
    engines = HyperscanMatcher(["abc", "a bc", "ihg", "i a"]), RegexMatcher(["abc", "a bc", "ihg", "i a"])
    assert engines[0].find(texts) == engines[1].find(texts)


@pytest.mark.parametrize("character", ["x", "\xe9", "\u0436", "\u4e2d", "\U0001f600", "\ufdfa", "\u0301", "\u200b"])
@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000])
def test_texts_that_grow_shrink_or_vanish_find_room(character: str, count: int) -> None:
    texts = [character * count, f"A{character}" * count, f"{character}-\n" * count, f"<b>{character}" * count]
    assert folded(texts) == [plainly(text) for text in texts]


@given(st.lists(st.text(alphabet="ab \n_-.<\t\x7f\x02&\xe9", min_size=12, max_size=70), max_size=3))
def test_bytes_that_are_looked_at_together_are_folded_as_one_after_another(texts: list[str]) -> None:
    """Gaps and odd characters stand at every place of a block, and beside its ends."""
    assert folded(texts) == [plainly(text) for text in texts]
    spread = ["letters only, and so ".join(text) for text in texts]
    assert folded(spread) == [plainly(text) for text in spread]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_texts_of_arrow_are_folded_as_those_of_python(kind: pa.DataType) -> None:
    """Parts of an array, empty ones and those that a text is missing before among them."""
    texts = ["", "robot", "r\xf6bot", "a &lt;b", "", "x" * 300_000, "ro<b>bot", "\u4e00", ""]
    array = pa.array([None, "none of them", *texts, "nor this"], kind)
    for first, last in ((0, 9), (0, 0), (3, 5), (4, 5), (8, 9)):
        some = array[2 + first : 2 + last]
        told = [(one.text.tobytes(), one.owners.tolist()) for one in fold(some)]
        assert told == [(one.text.tobytes(), one.owners.tolist()) for one in fold(texts[first:last])]
        assert HyperscanMatcher(["robot"]).find(some) == RegexMatcher(["robot"]).find(some)
    assert list(fold(pa.array([], kind))) == []


def test_texts_keep_their_numbers_whatever_their_company() -> None:
    """Empty ones, those in ASCII and others, alone and in groups larger than what is folded together."""
    generator = random.Random(0)
    kinds = ["", "robot", "r\xf6bot", "ro<b>bot", "\u4e00" * 5, "x" * 140_000, "\xe9" * 140_000, "ro\u200bbot"]
    texts = [generator.choice(kinds) for _ in range(60)]
    owners = np.concatenate([one.owners for one in fold(texts, reach=20)])
    assert sorted(set(owners.tolist())) == list(range(len(texts)))
    seconds = {number for number, text in enumerate(texts) if "<" in text or "\u200b" in text}
    assert {number for number in range(len(texts)) if (owners == number).sum() == 2} == seconds
    found = HyperscanMatcher(["robot"]).find(texts)
    assert set(found) == {n for n, text in enumerate(texts) if text in ("robot", "r\xf6bot", "ro<b>bot", "ro\u200bbot")}


def test_every_reading_ends_where_it_says() -> None:
    for one in fold(["a\0b", "\u00e9<b>\u00e8", "", "-\nx"]):
        assert [one.text[end] for end in one.ends] == [0] * len(one.ends)
        assert one.text.tobytes().count(b"\0") == len(one.ends) and one.ends[-1] == len(one.text) - 1


def test_no_texts_are_no_readings() -> None:
    assert list(fold([])) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "<b",
        "<",
        "-\n",
        "-<b>",
        "<b>",
        "-\n<p>",
        "-" + "<b>" * 50,
        "-\n" + " " * 50,
        "&",
        "&lt;",
        "\u200b",
        "<b -\n>",
        "&#",
    ],
)
def test_text_made_of_joints_takes_no_more_than_linear_time(pattern: str) -> None:
    fast = HyperscanMatcher(["robot", "artificial intelligence"])
    fast.find([pattern + "é", pattern])
    took = []
    for size in (100_000, 800_000):
        text = pattern * (size // len(pattern))
        started = time.process_time()
        fast.find([text])
        took.append(time.process_time() - started)
    assert took[1] < 0.2 + 20 * took[0]


@pytest.mark.parametrize("reach", [0, 1, 2, 5, 30, 1000])
def test_a_shorter_reach_leaves_out_what_no_term_of_it_can_need(reach: int) -> None:
    """Runs of so many letters of the whole second reading, with what stands beside them, are there or in the first."""
    text = "abcdefghijklm <b>nopq</b>rstu vwxyz-\nABCDEFGHI KLMNOP\u200bQRSTUVWXYZ 0123456789" * 2
    [whole], [cut] = fold([text]), fold([text], reach)
    first, second = (b"\0" + reading + b"\0" for reading in whole.text.tobytes().split(b"\0")[:2])
    left = b"\0" + cut.text[cut.ends[0] + 1 :].tobytes()
    for length in range(3, min(reach, 40) + 3):
        for start in range(len(second) - length + 1):
            run = second[start : start + length]
            assert run in left or run in first
