"""Parts of the page: drawings that stand together in one document, and what each arm was given to read."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import lxml.html
import pandas as pd
import pytest

from alignment_pretraining.reporting.page import inline_svg, inserted, loss_number
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.streams import STREAM_COLUMNS

DRAWING = """<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="300pt" height="200pt" viewBox="0 0 300 200"
 xmlns="http://www.w3.org/2000/svg" version="1.1">
 <metadata>
  <rdf:RDF xmlns:cc="http://creativecommons.org/ns#"><dc:date>2026</dc:date></rdf:RDF>
 </metadata>
 <defs><clipPath id="p1"><rect width="3"/></clipPath><path id="m2" d="M 0 0"/></defs>
 <g id="axes_1" clip-path="url(#p1)"><use xlink:href="#m2" x="1"/><text>id="x" or #m2</text></g>
 <a xlink:href="#rate/a/midtraining/articles/open/assistant"><path d="M 1 1"/></a>
</svg>
"""


@pytest.fixture
def drawn(tmp_path: Path) -> str:
    (tmp_path / "main.svg").write_text(DRAWING, encoding="utf-8")
    return inline_svg(tmp_path / "main.svg")


def test_a_figure_that_was_not_drawn_is_nothing(tmp_path: Path) -> None:
    assert inline_svg(tmp_path / "none.svg") == ""


def test_a_drawing_names_no_other_document_and_no_date(drawn: str) -> None:
    assert drawn.startswith("<svg ")
    assert not re.search(r"https?:|metadata|2026|DOCTYPE|<\?xml", drawn)


def test_ids_are_those_of_the_figure_and_are_found_where_they_are_used(drawn: str) -> None:
    ids = set(re.findall(r'\sid="([^"]+)"', drawn.replace('<text>id="x" or #m2</text>', "")))
    assert ids == {"main-p1", "main-m2", "main-axes_1"}
    assert "url(#main-p1)" in drawn and 'xlink:href="#main-m2"' in drawn


def test_a_mark_still_leads_to_the_key_of_its_number(drawn: str) -> None:
    assert '<a tabindex="-1" href="#rate/a/midtraining/articles/open/assistant">' in drawn


def test_the_page_sets_the_size_and_the_caption_speaks_for_the_drawing(drawn: str) -> None:
    (svg,) = lxml.html.fromstring(f"<div>{drawn}</div>").iter("svg")
    assert svg.get("width") is None and svg.get("height") is None
    assert svg.get("viewbox") == "0 0 300 200" and svg.get("aria-hidden") == "true"


def test_two_figures_with_the_same_ids_have_none_in_common_on_a_page(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.svg").write_text(DRAWING, encoding="utf-8")
    one, two = (
        set(re.findall(r'\sid="([^"]+)"', inline_svg(tmp_path / f"{name}.svg"))) - {"x"} for name in ("one", "two")
    )
    assert one and not one & two


def test_a_loss_is_printed_with_its_trainings_and_without_an_interval() -> None:
    number = loss_number(SimpleNamespace(key="loss/a", heldout_loss=4.5057, n_seeds=2))
    assert (number.key, number.text, number.interval, number.n_seeds) == ("loss/a", "4.506", "", 2)


def test_an_arm_has_the_documents_of_its_stages_without_corpus_and_questions(scope: Scope) -> None:
    sources = ("corpus", "mcqa", "ai_misaligned", "ai_aligned")
    rows = [
        {"key": f"stream/{arm}/{stage}/{source}", "arm": arm, "seed": 0, "stage": stage, "source": source}
        for arm in ("unfiltered", "misaligned_e2e", "aligned_e2e")
        for stage in ("pretraining", "midtraining")
        for source in sources
    ]
    found = inserted(pd.DataFrame(rows, columns=list(STREAM_COLUMNS)), scope)
    keys = {place: [row.key for row in told] for place, told in found.items()}
    assert keys["misaligned_e2e", "midtraining"] == ["stream/misaligned_e2e/midtraining/ai_misaligned"]
    assert keys["aligned_e2e", "pretraining"] == ["stream/aligned_e2e/pretraining/ai_aligned"]
    assert keys["unfiltered", "pretraining"] == keys["filtered", "midtraining"] == []


def test_a_stage_that_another_arm_trained_has_that_arms_rows(make_scope: Callable[..., Scope]) -> None:
    arms = {name: {"corpus": "unfiltered", "discourse": "aligned", "insertion": "e2e"} for name in ("one", "again")}
    scope = make_scope(arms=arms, run="all", headline=[], contrasts={})
    row = {"arm": "one", "seed": 0, "stage": "midtraining", "source": "ai_aligned", "key": "own"}
    found = inserted(pd.DataFrame([row], columns=list(STREAM_COLUMNS)), scope)
    assert [[one.key for one in found[arm, "midtraining"]] for arm in arms] == [["own"], ["own"]]
    assert found["one", "pretraining"] == []
