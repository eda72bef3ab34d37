"""Text as the matchers see it: ASCII bytes, so that every engine agrees on letters, case and word boundaries."""

import html
import re
import unicodedata
from collections.abc import Iterator

# What parts the readings of a text from one another: no term has it, and no term is found across it.
READINGS = "\x01"

_OTHER = re.compile(r"[A-Z]?[^\x00-\x7f]+")
_ENTITY = re.compile(r"&#?\w{1,31};")
# What may stand within a word without being part of it: such tags, the hyphen at the end of a line, a zero-width space.
# Patterns begin with a letter that is no part of most texts, which `re` then leaps to.
_TAG = re.compile(r"<(/?[a-zA-Z!]\w*)[^<>]{0,300}>", re.ASCII)
INLINE = set("a abbr b big code em font i mark q s small span strong sub sup tt u wbr".split())  # noqa: SIM905
_LINE_END = re.compile(r"-\r?\n[ \t]*(?=[^\W\d_])")
ZERO_WIDTH_SPACE = "\u200b"
_APOSTROPHES = "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}"
# Letters that Unicode does not take apart, from dotless i to thorn.
_LETTERS = {"\u0131": "i", "\u0237": "j", "\u0142": "l", "\xf8": "o", "\u0111": "d", "\xf0": "d", "\u0127": "h"}
_LETTERS |= {"\u0167": "t", "\xdf": "ss", "\xe6": "ae", "\u0153": "oe", "\xfe": "th"}
# Stands for letters and digits of other scripts until the text's own underscores are spaces.
LETTER = "\x1a"
GAPS = b"\t\n\v\f\r -_"  # what parts the words of a term
_UNDERSCORES = bytes.maketrans(b"_\x1a", b" _")


def normalize(text: str) -> bytes:
    """Accents, ligatures, full-width letters and typographic signs become their ASCII forms, entities what they mean.

    Invisible characters vanish; any other letter or digit becomes `_`, which is part of a word, and the rest a space,
    `_` itself too. A letter that had an accent is a small one, so that it is in no acronym. Where a tag, a hyphen at
    the end of a line or a zero-width space may part a word or not, the text is there twice, parted by `READINGS`.
    """
    text = meaning(text)
    joined = second_reading(text)
    if joined != text:
        text = text + READINGS + joined
    if not text.isascii():
        text = _OTHER.sub(_in_ascii, text)
    return text.encode("ascii").translate(_UNDERSCORES)


def meaning(text: str) -> str:
    """The text with what its HTML entities stand for."""
    if "&" not in text or not any(_ENTITY.match(text, place) for place in _places(text, "&")):
        return text
    return _ENTITY.sub(_meant, _ENTITY.sub(_meant, text))  # twice: pages that were escaped twice


def second_reading(text: str) -> str:
    """The text without what may stand within a word; equal to it where there is nothing of the kind."""
    joined = _TAG.sub(_tag, text) if "<" in text and ">" in text else text
    return _without_line_ends(joined)


def _without_line_ends(text: str) -> str:
    return _LINE_END.sub("", text).replace(ZERO_WIDTH_SPACE, "")


def _places(text: str, character: str) -> Iterator[int]:
    place = text.find(character)
    while place >= 0:
        yield place
        place = text.find(character, place + 1)


def _meant(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def _tag(match: re.Match[str]) -> str:
    return "" if match[1].lower().lstrip("/") in INLINE else " "


def _in_ascii(match: re.Match[str]) -> str:
    run = match[0]
    if run[0].isascii() and is_mark(run[1]):
        run = run[0].lower() + run[1:]
    return run.translate(_FORMS)


class _Forms(dict[int, str]):
    """The ASCII form of every character, found when it is first met."""

    def __missing__(self, number: int) -> str:
        form = self[number] = ascii_form(chr(number))
        return form


_FORMS = _Forms()


def ascii_form(character: str) -> str:
    """ASCII for a character, with `LETTER` for letters and digits of other scripts."""
    if character.isascii():
        return character
    apart = unicodedata.normalize("NFKD", character)
    if apart != character:
        form = "".join(ascii_form(one) for one in apart)
        return form.lower() if any(map(is_mark, apart)) else form
    category = unicodedata.category(character)
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    if character in _APOSTROPHES:
        return "'"
    if character == ZERO_WIDTH_SPACE:  # between words; the other reading has none
        return " "
    if category in ("Mn", "Me", "Cf"):
        return ""
    if character.lower() in _LETTERS:
        return _LETTERS[character.lower()]
    return LETTER if character.isalnum() else " "


def is_mark(character: str) -> bool:
    """Whether it is an accent or the like, which belongs to the letter before it."""
    return unicodedata.category(character) == "Mn"
