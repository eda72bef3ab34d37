"""Two numbers beside each other on one screen."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from alignment_pretraining.lineage.diff import Comparison, Difference, Parting
from alignment_pretraining.lineage.diff_story import as_story
from alignment_pretraining.lineage.history import History, Step
from alignment_pretraining.lineage.numbers import TracedNumber
from alignment_pretraining.lineage.records import Record


def _side(asked: str, value: float) -> History:
    return History(asked, TracedNumber("rates", asked, "rate", value, (), {}), {})


def _step(name: str, digest: str, *, raw: bool = False) -> Step:
    record = Record(
        node=f"make_{name}", inputs={}, outputs={name: digest}, params={}, code={}, libraries={}, env="base",
        commit=None, dirty=True, mlflow_run=None, seconds=1, when="today",
    )  # fmt: skip
    return Step(name, digest, None if raw else record, ())


def _parting(name: str = "x", *differences: Difference, raw: bool = False, where: Any = ()) -> Parting:
    left, right = (_step(name, digit * 12, raw=raw) for digit in "12")
    return Parting(left, right, differences, where)


def _lines(*first: Parting, **parts: list[str]) -> list[str]:
    told: dict[str, list[str]] = {"equal": [], "after": [], "left_only": [], "right_only": []} | parts
    found = Comparison(_side("rate/a", 0.52), _side("rate/b", 0.3), first=list(first), **told)
    console = Console(file=StringIO(), width=300)
    console.print(as_story(found), highlight=False)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def test_both_numbers_and_how_far_they_are_apart() -> None:
    lines = _lines()
    assert lines[:3] == ["rate/a = 0.52", "rate/b = 0.3", "apart by +0.22 (the first less the second)"]
    assert "  nothing: all that both rest on is equal; they are two readings of it" in lines


def test_a_difference_has_its_kind_its_name_and_both_sides() -> None:
    lines = _lines(
        _parting(
            "x",
            Difference("setting", "stage.lr", 0.1, "(missing)"),
            Difference("code", "toy/nodes.py", "0123456789", "(missing)"),
            Difference("input", "words", "(missing)", "0123456789"),
            Difference("setting", "names", ["[bold]", "[/]"], {"a": None}),
        )
    )
    at = lines.index("  make_x 11111111 | 22222222")
    assert [line.strip() for line in lines[at + 1 : at + 5]] == [
        "setting  stage.lr: 0.1 | (missing)",
        "code     toy/nodes.py: 01234567 | (missing)",
        "input    words: (missing) | 01234567",
        'setting  names: ["[bold]", "[/]"] | {"a": null}',
    ]


def test_long_values_are_cut() -> None:
    (line,) = [line for line in _lines(_parting("x", Difference("setting", "k", "a" * 51, "b" * 50))) if "k:" in line]
    assert line.strip() == f"setting  k: {'a' * 49}… | {'b' * 50}"


@pytest.mark.parametrize(
    ("parting", "said"),
    [
        (_parting(raw=True), "raw data, which no node makes: the files differ"),
        (_parting(where=(Difference("made", "cores", "2", "4"),)), "what is left is where it was made"),
        (_parting(), "nothing that is recorded differs: the work does not always give the same bytes"),
    ],
)
def test_what_no_record_explains_is_said(parting: Parting, said: str) -> None:
    assert said in "\n".join(_lines(parting))


def test_steps_that_part_for_the_same_reasons_are_told_together() -> None:
    reason = Difference("setting", "lr", 1, 2)
    lines = _lines(
        *(_parting(f"x{number}", reason) for number in range(6)), _parting("y", Difference("setting", "w", 1, 2))
    )
    assert sum("lr: 1 | 2" in line for line in lines) == 1
    assert "  and 2 more, for the same reasons" in lines
    assert [line.split()[0] for line in lines if "11111111 |" in line] == [
        "make_x0",
        "make_x1",
        "make_x2",
        "make_x3",
        "make_y",
    ]


def test_many_reasons_are_cut_with_their_rest_counted() -> None:
    lines = _lines(_parting("x", *(Difference("setting", f"k{number}", 1, 2) for number in range(11))))
    assert sum(": 1 | 2" in line for line in lines) == 8
    assert "    and 3 differences more (--json)" in lines


def test_outputs_of_one_node_are_told_once() -> None:
    one, other = _parting("x"), _parting("x")
    assert sum("make_x" in line for line in _lines(one, other)) == 1


def test_lists_of_steps_are_counted_and_cut() -> None:
    lines = _lines(equal=[f"e{number}" for number in range(6)], after=["r"], left_only=["l"], right_only=["o", "p"])
    assert "  6: e0, e1, e2, e3 and 2 more" in lines
    after = lines.index("and therefore at")
    assert lines[after + 1] == "  1: r"
    assert lines[lines.index("only under rate/a") + 1] == "  1: l"
    assert lines[lines.index("only under rate/b") + 1] == "  2: o, p"
    assert "  nothing" in _lines() and "and therefore at" not in _lines()
