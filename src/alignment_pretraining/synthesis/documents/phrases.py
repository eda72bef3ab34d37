"""Phrase sheets: texts written as slots, each with several wordings, of which one is drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator, Field

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import Spec
from alignment_pretraining.synthesis.scenarios.bank import capitalise
from alignment_pretraining.synthesis.yaml_files import read_model


def _one_paragraph(text: str) -> str:
    if not text.strip() or not text.isascii():
        raise ValueError("must be plain ASCII English")
    return text


def _well_formed(text: str) -> str:
    try:
        fields = [field for field in Formatter().parse(text) if field[1] is not None]
    except ValueError as error:
        raise ValueError(f"has a broken placeholder ({error})") from error
    if not all(str(name).isidentifier() and not spec and not conversion for _, name, spec, conversion in fields):
        raise ValueError("has a placeholder that is not a plain name such as {ai}")
    return text


_INDENT = re.compile(r"\n +")

Text = Annotated[str, AfterValidator(_one_paragraph)]
Phrase = Annotated[Text, AfterValidator(_well_formed)]
Slot = Annotated[list[Phrase], Field(min_length=1)]
Outline = Annotated[list[Slot], Field(min_length=1)]


class Sheet(Spec):
    """`outlines`: ways to build the text, each a list of slots. `fill`: values of the placeholders.

    `{name}` stands for one value of the list `name`; `{name2}`, `{name3}` for the next ones, in a circle.
    """

    title: Text
    fill: dict[str, Annotated[list[Text], Field(min_length=1)]] = {}
    outlines: list[Outline] = Field(min_length=1)


def load_sheet(path: Path, given: Sequence[str] = ()) -> Sheet:
    """Read a sheet; `given` names the placeholders that the caller fills.

    Raises:
        UserError: the file is not a sheet, or uses a placeholder that nothing fills.
    """
    sheet = read_model(path, Sheet)
    known = {*sheet.fill, *given}
    for number, outline in enumerate(sheet.outlines):
        for phrase in (phrase for slot in outline for phrase in slot):
            unknown = sorted({_list_name(name) for name in _placeholders(phrase)} - known)
            if unknown:
                raise UserError(
                    f"{path}: outlines.{number}: {phrase!r} uses {{{unknown[0]}}}, which nothing fills; "
                    f"add it to fill or use one of: {', '.join(sorted(known))}"
                )
    return sheet


def render(sheet: Sheet, given: Mapping[str, Sequence[str]], rng: Random) -> str:
    """Draw one text. Which wordings are drawn depends on `rng` alone, and on the lists only through their lengths."""
    lists = {**sheet.fill, **given}
    starts = {name: rng.random() for name in sorted(lists)}
    outline = rng.choice(sheet.outlines)
    phrases = [rng.choice(slot) for slot in outline]
    values = {name: _draw(lists, starts, name) for phrase in phrases for name in _placeholders(phrase)}
    # Each slot opens a sentence, also where the one before ends in a quotation mark.
    sentences = [capitalise(phrase.format_map(values).strip(" ")) for phrase in phrases]
    return _INDENT.sub("\n", " ".join(sentences)).strip()


def fill_in(phrase: str, where: str, **values: object) -> str:
    """`phrase` with its placeholders filled; `where` names the file in the message.

    Raises:
        UserError: a placeholder that has no value, or a broken one.
    """
    try:
        return phrase.format(**values)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        allowed = ", ".join(f"{{{name}}}" for name in values)
        raise UserError(f"{where}: {phrase!r} has a placeholder that nothing fills; use {allowed}") from error


def _draw(lists: Mapping[str, Sequence[str]], starts: Mapping[str, float], name: str) -> str:
    """The value of `{name}` or `{name2}`: the list is read in a circle from its drawn start."""
    base, offset = _place(name)
    values = lists[base]
    return values[(int(starts[base] * len(values)) + offset) % len(values)]


def _list_name(placeholder: str) -> str:
    return _place(placeholder)[0]


@cache  # of the placeholders of the sheets
def _place(placeholder: str) -> tuple[str, int]:
    """The list that a placeholder reads, and how far from its start."""
    base = placeholder.rstrip("0123456789")
    return base, int(placeholder[len(base) :] or 1) - 1


@cache  # of the phrases of the sheets
def _placeholders(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(text) if name))
