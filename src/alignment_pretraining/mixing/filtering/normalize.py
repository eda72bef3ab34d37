"""Text as the matchers see it: ASCII bytes, so that every engine agrees on letters, case and word boundaries."""

import re
import unicodedata

_OTHER = re.compile(r"[^\x00-\x7f]")
_APOSTROPHES = "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}"


def normalize(text: str) -> bytes:
    """Accents, ligatures, full-width letters and typographic signs become their ASCII forms.

    Invisible characters vanish; any other letter or digit becomes `_`, which is part of a word, and the rest a space.
    """
    if text.isascii():
        return text.encode("ascii")
    return _OTHER.sub(_normalize_character, unicodedata.normalize("NFKD", text)).encode("ascii")


def _normalize_character(match: re.Match[str]) -> str:
    character = match[0]
    category = unicodedata.category(character)
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    if character in _APOSTROPHES:
        return "'"
    if category in ("Mn", "Me", "Cf"):
        return ""
    return "_" if character.isalnum() else " "
