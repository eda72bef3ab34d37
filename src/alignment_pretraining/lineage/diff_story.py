"""A comparison of two numbers on one screen."""

import json
from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from alignment_pretraining.lineage.diff import Comparison, Difference, Parting
from alignment_pretraining.lineage.history import Step
from alignment_pretraining.lineage.numbers import shown
from alignment_pretraining.lineage.parameters import MISSING

_SHOWN = 4
_REASONS = 8
_DIGITS = 8  # of a hash
_WIDTH = 50


def as_story(found: Comparison) -> str:
    """The comparison as lines of rich's markup."""
    sides = (found.left, found.right)
    lines = [f"[bold]{escape(side.asked)} = {shown(side.number.value)}[/]" for side in sides]
    lines += [f"apart by {found.left.number.value - found.right.number.value:+.4g} (the first less the second)", ""]
    lines += ["[bold]equal on both sides[/]", f"  {_listed(found.equal)}", ""]
    lines += ["[bold]they part first at[/]", *(f"  {line}" for line in _first(found.first))]
    if found.after:
        lines += ["", "[bold]and therefore at[/]", f"  {_listed(found.after)}"]
    for side, only in ((sides[0], found.left_only), (sides[1], found.right_only)):
        if only:
            lines += ["", f"[bold]only under {escape(side.asked)}[/]", f"  {_listed(only)}"]
    return "\n".join(lines)


def _first(partings: list[Parting]) -> Iterator[str]:
    """Steps that part for the same reasons are told together."""
    if not partings:
        yield "nothing: all that both rest on is equal; they are two readings of it"
    groups: dict[str, list[Parting]] = {}
    of_nodes = {(_name(one.left), _name(one.right)): one for one in partings}  # one of each node's outputs
    for parting in of_nodes.values():
        groups.setdefault(str((parting.differences, parting.environment)), []).append(parting)
    for group in groups.values():
        first = group[0]
        for parting in group[:_SHOWN]:
            names = [_name(parting.left), _name(parting.right)]
            hashes = f"{parting.left.digest[:_DIGITS]} | {parting.right.digest[:_DIGITS]}"
            yield f"[bold]{escape(' | '.join(dict.fromkeys(names)))}[/] [cyan]{hashes}[/]"
        if len(group) > _SHOWN:
            yield f"and {len(group) - _SHOWN} more, for the same reasons"
        yield from (f"  {_line(difference)}" for difference in first.differences[:_REASONS])
        if len(first.differences) > _REASONS:
            yield f"  and {len(first.differences) - _REASONS} differences more (--json)"
        yield from (f"  [dim]{_line(difference)}[/]" for difference in first.environment)
        if not first.differences:
            yield f"  [yellow]{_unexplained(first)}[/]"


def _name(step: Step) -> str:
    return step.record.node if step.record else step.dataset


def _unexplained(parting: Parting) -> str:
    if parting.left.record is None or parting.right.record is None:
        return "raw data, which no node makes: the files differ"
    if parting.environment:
        return "no setting, code, library or input differs: what is left is where it was made"
    return "nothing that is recorded differs: the work does not always give the same bytes"


def _line(difference: Difference) -> str:
    left, right = (_short(difference, value) for value in (difference.left, difference.right))
    return f"{difference.kind:<8} {escape(difference.name)}: {escape(left)} | {escape(right)}"


def _short(difference: Difference, value: Any) -> str:
    if difference.kind in ("code", "input") and value != MISSING:
        return str(value)[:_DIGITS]
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)}: {escape(', '.join(names[:_SHOWN]))}{more}" if names else "nothing"
