"""The trace of a number as one HTML page that needs nothing beside it: its story, and each step to open."""

from io import StringIO
from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.console import Console

from alignment_pretraining.core.pages import html_template
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.story import as_story
from alignment_pretraining.lineage.trace import Trace, as_json

_TEMPLATE = "trace.html.j2"


def as_html(graph: Graph, found: Trace) -> str:
    """The page's text."""
    data: dict[str, Any] = as_json(graph, found)
    names = {name: f"d{count}" for count, name in enumerate(data["history"])}
    story = Markup(_story(graph, found))
    template = html_template(Path(__file__).parent, _TEMPLATE)
    return template.render(name=found.number.name, story=story, anchors=names, **data)


def _story(graph: Graph, found: Trace) -> str:
    console = Console(file=StringIO(), record=True, width=1000, highlight=False)
    console.print(as_story(graph, found), soft_wrap=True)
    return console.export_html(inline_styles=True, code_format="{code}")
