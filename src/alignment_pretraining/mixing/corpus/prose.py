"""The English in a docstring, without its code, signatures and markup."""

import inspect
import re

# A sentence of text has at least this many words, most of them made of letters alone.
_MIN_WORDS = 6
_MIN_PLAIN_SHARE = 0.8

_UNDERLINE = re.compile(r"^([-=~^*#+\"'])\1{2,}$")
# Lines that name a thing and do not describe it: `x : array_like`, `:param x:`, `Args:`, `.. math::`.
_LABEL = re.compile(r"^(\*{0,2}[\w.`*, ]+ : .*|:\w[^:]*:.*|\.\. .*|[\w ]{1,30}:)$")
# Where a new paragraph begins without a blank line: list items and `name (type): what it is`.
_ITEM = re.compile(r"^(?:[-*•] +|\d+[.)] +|\w+ \([^)]*\): +|`{1,2}[^`]+`{1,2}: +)")
_MARKUP = [
    (re.compile(r":[\w:+-]+:`~?([^`<]+?)(?: <[^>]*>)?`"), r"\1"),
    (re.compile(r"`{1,2}([^`]+?)(?: <[^>]*>)?`{1,2}_{0,2}"), r"\1"),
    (re.compile(r"\*{1,2}(\w[^*]*)\*{1,2}"), r"\1"),
    (re.compile(r" ?\[\w+\]_"), ""),
]
_PLAIN_WORD = re.compile(r"^[(\"']*[A-Za-z][A-Za-z'-]*[)\"'.,;:!?]*$")


def paragraphs(docstring: str) -> list[str]:
    """The paragraphs of a docstring that read as English sentences, each on one line."""
    found = (
        _strip_markup(" ".join(" ".join(lines).split())) for lines in _blocks(inspect.cleandoc(docstring).splitlines())
    )
    return [text for text in found if _is_prose(text)]


def _blocks(lines: list[str]) -> list[list[str]]:
    """Groups of stripped lines that belong together; doctests, headings and labels are left out."""
    blocks: list[list[str]] = [[]]
    in_doctest = False
    for line in (line.strip() for line in lines):
        in_doctest = bool(line) and (in_doctest or line.startswith(">>>"))
        if _UNDERLINE.match(line):
            blocks[-1] = []  # what stood above was a heading
        if not line or in_doctest or _UNDERLINE.match(line) or _LABEL.match(line):
            blocks.append([])
        elif item := _ITEM.match(line):
            blocks.append([line[item.end() :]])
        else:
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _strip_markup(text: str) -> str:
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return text.removesuffix("::") + ":" if text.endswith("::") else text


def _is_prose(text: str) -> bool:
    words = text.split()
    plain = sum(bool(_PLAIN_WORD.match(word)) for word in words)
    return (
        len(words) >= _MIN_WORDS
        and text[-1] in ".:!?)"
        and text[0].isalpha()
        and plain >= _MIN_PLAIN_SHARE * len(words)
    )
