"""The trace of a number as one HTML page that needs nothing beside it: its story, and each step to open."""

from io import StringIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from rich.console import Console

from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.story import as_story
from alignment_pretraining.lineage.trace import Trace, as_json

_TEMPLATE = "trace.html.j2"


def as_html(graph: Graph, found: Trace) -> str:
    """The page's text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    data: dict[str, Any] = as_json(graph, found)
    names = {name: f"d{count}" for count, name in enumerate(data["history"])}
    story = Markup(_story(graph, found))
    return environment.get_template(_TEMPLATE).render(name=found.number.name, story=story, anchors=names, **data)


def _story(graph: Graph, found: Trace) -> str:
    console = Console(file=StringIO(), record=True, width=1000, highlight=False)
    console.print(as_story(graph, found), soft_wrap=True)
    return console.export_html(inline_styles=True, code_format="{code}")
