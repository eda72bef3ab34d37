"""The trace as a page: everything is in it, and no name of a user's is read as HTML."""

import re

from alignment_pretraining.lineage.numbers import find_number
from alignment_pretraining.lineage.page import as_html
from alignment_pretraining.lineage.trace import trace
from tests.lineage.small_graph import Small


def _page(small: Small) -> str:
    graph = small.graph
    return as_html(graph, trace(graph, find_number(graph, "rate/a")))


def test_every_step_can_be_opened_and_is_linked(run_small: Small) -> None:
    page = _page(run_small)
    steps = re.findall(r'<details id="([^"]+)"', page)
    assert len(steps) == len(set(steps)) == 4
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(steps)
    for name in ("rates", "tokens", "words"):
        assert run_small.graph.digest(name) in page  # type: ignore[operator]
    assert not re.search(r"https?:|src=|<script|<link", page)


def test_what_a_user_named_is_text(small: Small) -> None:
    small.params["tokens"] = {"terms": ["</code><script>"]}
    small.nodes["corpus.tokenize"]["bound"] = {"name": "</details><script>alert(1)</script> [bold]"}
    small.paths["words"] = "data/<b>words & more.txt"
    small.run()
    small.write("data/<b>words & more.txt", "other")
    page = _page(small)
    assert "<script>" not in page and "<b>words" not in page
    assert "&lt;/details&gt;&lt;script&gt;alert(1)&lt;/script&gt; [bold]" in page
    assert "data/&lt;b&gt;words &amp; more.txt" in page


def test_the_same_trace_gives_the_same_page(run_small: Small) -> None:
    assert _page(run_small) == _page(run_small)
