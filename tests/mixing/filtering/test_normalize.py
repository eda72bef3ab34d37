import re
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alignment_pretraining.mixing.filtering.folding import fold
from alignment_pretraining.mixing.filtering.normalize import READINGS, normalize

# What folding by tables might get wrong: marks that are composed or not, characters of several letters or of none.
TRICKY = st.text(
    st.sampled_from(
        "AEQOaeo -_<>b/\n\0\x1a\xa0\xad\xdf\xe6\xc9\xbd\u0301\u0308\u0323\u0334\u0344\u0345\u200b\u200d\u212b\u2026"
        "\u0663\u0438\u0306\u0e31\u0958\uff21\uac00\u1100\u1161\ufb01\U0001f600\ud800"
    )
)


def plainly(text: str) -> bytes:
    """Of what `normalize` makes of a text what `fold` keeps: gaps are one space, letters of other scripts one."""
    normal = normalize(text.replace("\0", READINGS))
    return re.sub(rb"_+", b"_", re.sub(rb"[ \t\n\r\f\v-]+", b" ", normal))


def folded(texts: list[str]) -> list[bytes]:
    """The readings of each text, as `normalize` joins them."""
    readings: list[list[bytes]] = [[] for _ in texts]
    for found in fold(texts):
        assert found.text.tobytes().count(b"\0") == len(found.ends) == len(found.owners)
        for owner, reading in zip(found.owners, found.text.tobytes().split(b"\0"), strict=False):
            readings[owner].append(re.sub(rb"_+", b"_", reading))
    return [READINGS.encode().join(own) for own in readings]


@given(st.lists(TRICKY | st.text(), max_size=4))
@example(["-\0\n", "A\u0301"])
@example(["\ufb03" * 500, "\U0001f600<b>" + "<i>\ufb03-\n" * 500])  # longer than they were
@example(["\u0142" * 200_000, "A\U0001f600" * 100_000, "E\xe9" * 50_000])  # held in 2, 4 and 1 bytes a character
def test_folding_many_texts_is_normalizing_each(texts: list[str]) -> None:
    assert folded(texts) == [plainly(text) for text in texts]
    sparse = [text + " and" * 100 for text in texts]
    assert folded(sparse) == [plainly(text) for text in sparse]


def test_every_character_is_folded_as_it_is_normalized() -> None:
    """Those of the scripts that have thousands of like ones are left to the texts above."""
    characters = [
        chr(n)
        for n in range(1, sys.maxunicode)
        if unicodedata.category(chr(n)) not in ("Cn", "Co", "Cs")
        and not 0x3400 <= n < 0xF900
        and not 0x17000 <= n < 0x1AFF0
        and n < 0x20000
    ]
    for after in ("", "A", " ", "fourteen times"):
        text = "".join(f"{after}{character}\x01" for character in characters)
        assert folded([text]) == [plainly(text)]


@given(st.text())
def test_normalizing_gives_ascii_and_keeps_words(text: str) -> None:
    normalize(text).decode("ascii")
    plain = "".join(letter for letter in text if letter.isascii() and letter not in "_&<\x1a").replace("-", "")
    assert normalize(plain) == plain.encode()


@given(text=st.lists(st.sampled_from(["<b>", "</b>", "-\n", "\u200b", "&lt;", "robot", "art", "ificial ", "<", "x>"])))
def test_a_second_reading_never_hides_the_first(text: list[str]) -> None:
    """What stands in a text stays in it, whatever might be joined."""
    whole = "".join(text)
    assert (
        normalize(whole.replace("&lt;", "<").replace("\u200b", " ")).split(b"\x01")[0]
        == (normalize(whole).split(b"\x01")[0])
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Caf\xe9 \u0141\xf3d\u017a \u1e9e\xdf \u0130\u0131", b"Cafe lodz ssss ii"),
        ("A\xcf AI\u0301 \uff21\uff29", b"Ai Ai AI"),
        ("\xbd \u2460 \ufb01ne a\u20ddb", b"1 2 1 fine ab"),
        ("\u201cAI\u2019s\u201d \u2014 x\u2212y", b" AI's  - x-y"),
        ("\u0440\u043e\u0431\u043e\u0442 \u4e2d_\x1a", b"_____ _ _"),
        ("a&shy;b&zwj;c&nbsp;d &#x41;&#73; &amp;amp; &unknown; &", b"abc d AI & &unknown; &"),
        ("ro<b>bot<p>x", b"ro<b>bot<p>x\x01robot x"),
        ("&lt;b x=1&gt;ro&lt;/B&gt;bot<", b"<b x=1>ro</B>bot<\x01robot<"),
        ("x < y > z <2> </>", b"x < y > z <2> </>"),
        ("arti-\r\n\t ficial pre-\n4 a -\n b", b"arti-\r\n\t ficial pre-\n4 a -\n b\x01artificial pre-\n4 a b"),
        ("ro\u200bbot", b"ro bot\x01robot"),
    ],
)
def test_what_signs_become(text: str, expected: bytes) -> None:
    assert normalize(text) == expected
