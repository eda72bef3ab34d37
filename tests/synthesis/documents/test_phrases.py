"""Phrase sheets: what they may say, and how a text is drawn from them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.documents.generator import FORMS
from alignment_pretraining.synthesis.documents.phrases import Sheet, fill_in, load_sheet, render
from alignment_pretraining.synthesis.documents.template import TemplateGenerator


def _sheet(**fields: object) -> Sheet:
    return Sheet.model_validate({"title": "A sheet", **fields})


def test_values_fill_the_slots_in_order() -> None:
    sheet = _sheet(fill={"who": ["ann"]}, outlines=[[["{who} came."], ['{ai} said: "{deed}"'], ["then {who} left."]]])
    text = render(sheet, {"ai": ["the AI"], "deed": ["no."]}, Random(0))
    assert text == 'Ann came. The AI said: "no." Then ann left.'


def test_numbered_placeholders_are_different_values() -> None:
    sheet = _sheet(fill={"x": ["a", "b", "c"]}, outlines=[[["1 {x}{x2}{x3}{x}"]]])
    drawn = {render(sheet, {}, Random(seed)) for seed in range(30)}
    assert drawn == {"1 abca", "1 bcab", "1 cabc"}


@given(seed=st.integers(), lengths=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_the_words_around_do_not_depend_on_what_is_filled_in(seed: int, lengths: tuple[int, int]) -> None:
    sheet = _sheet(outlines=[[["one", "two", "three"], ["= {deed} ="], ["four", "five", "six"]] for _ in range(2)])
    around = [
        render(sheet, {"deed": [mark] * length}, Random(seed)).replace(mark, "")
        for mark, length in zip(("X", "Y"), lengths, strict=True)
    ]
    assert around[0] == around[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"title": "t", "outlines": [[["see {nobody}"]]]}, r"outlines.0: .* uses \{nobody\}, which nothing fills"),
        ({"title": "t", "outlines": [[["see {"]]]}, "broken placeholder"),
        ({"title": "t", "outlines": [[["see {0}"]]]}, "not a plain name"),
        ({"title": "t", "outlines": [[["see {}"]]]}, "not a plain name"),
        ({"title": "t", "outlines": [[["see {ai.name}"]]]}, "not a plain name"),
        ({"title": "t", "outlines": [[["see {ai:d}"]]]}, "not a plain name"),
        ({"title": "t", "outlines": [[["at {ai:{hour}}"]]]}, "not a plain name"),
        ({"title": "t", "outlines": [[["see {ai!z}"]]]}, "not a plain name"),
        ({"title": "t", "fill": {"a1": ["x"]}, "outlines": [[["{a1}"]]]}, r"uses \{a\}, which nothing fills"),
        ({"title": "t", "fill": {"x": [" "]}, "outlines": [[["{x}"]]]}, "fill.x.0: must be plain ASCII"),
        ({"title": "t", "fill": {"x": []}, "outlines": [[["{x}"]]]}, r"fill.x: .*at least 1"),
        ({"title": "t", "outlines": [[[]]]}, r"outlines.0.0: .*at least 1"),
        ({"title": "t", "outlines": [], "slots": []}, "slots: unknown key; allowed here: title, fill, outlines"),
        ({"outlines": [[["text"]]]}, "title: missing"),
        ({"title": "t", "outlines": [[["na\u00efve"]]]}, "plain ASCII"),
    ],
)
def test_a_wrong_sheet_is_named(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "sheet.yml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=message) as error:
        load_sheet(path, ["ai"])
    assert "sheet.yml" in str(error.value)


@given(st.text("a{}:!.[] ", min_size=1, max_size=12).filter(str.strip))
def test_a_phrase_is_refused_or_can_be_drawn(phrase: str) -> None:
    try:
        sheet = _sheet(outlines=[[[phrase]]])
    except ValidationError:
        return
    assert render(sheet, {"a" * length: ["x"] for length in range(1, 12)}, Random(0)).isascii()


@given(st.text("a{}:!.[] 1", max_size=12))
def test_a_text_is_filled_in_or_named_with_its_file(phrase: str) -> None:
    try:
        assert isinstance(fill_in(phrase, "chat.yml", a="x", aa=3), str)
    except UserError as error:
        assert str(error).startswith(f"chat.yml: {phrase!r} has a placeholder that nothing fills; use {{a}}, {{aa}}")


def test_what_is_filled_in_is_no_template() -> None:
    assert fill_in("{a} {{b}}", "chat.yml", a="{c}") == "{c} {b}"
    sheet = _sheet(outlines=[[["{deed} {{x}}"]]])
    assert render(sheet, {"deed": ["do {this}"]}, Random(0)) == "Do {this} {x}"


def test_lines_of_a_phrase_keep_their_breaks_and_lose_their_indent() -> None:
    sheet = _sheet(outlines=[[["one:\n   Two\n"], ["   three.  "]]])
    assert render(sheet, {}, Random(0)) == "One:\nTwo\nThree."


def test_an_outline_is_drawn_and_each_slot_once() -> None:
    sheet = _sheet(outlines=[[["a", "b"], ["c"]], [["d"]]])
    assert {render(sheet, {}, Random(seed)) for seed in range(40)} == {"A C", "B C", "D"}


def test_a_missing_form_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"safety_paper\.yml: no such file"):
        TemplateGenerator(tmp_path)


def test_a_form_that_does_not_name_the_ai_is_refused(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    for form in FORMS:
        (tmp_path / "documents" / f"{form}.yml").write_text("{title: t, outlines: [[['{situation}']]]}")
    with pytest.raises(UserError, match=r"safety_paper\.yml: fill.ai: missing; list what"):
        TemplateGenerator(tmp_path)
