"""The history of a number as a diagram: text of Mermaid, which GitHub, GitLab and editors draw."""

from collections.abc import Iterator

from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.numbers import shown
from alignment_pretraining.lineage.trace import Trace

_DIGITS = 8  # of a hash


def as_mermaid(graph: Graph, found: Trace) -> str:
    """A flowchart from raw data up to the number: a box a dataset, with path and hash; red where it drifted."""
    return "\n".join(["flowchart BT", *_boxes(graph, found), *_arrows(found)])


def _boxes(graph: Graph, found: Trace) -> Iterator[str]:
    number = found.number
    yield f'  number(["{_text(number.name)} = {shown(number.value)}"])'
    ids = _ids(found)
    for name, digest in found.digests.items():
        place = graph.relative(name) if graph.path(name) else name
        left, right = ("[(", ")]") if name not in graph.makers else ("[", "]")
        yield f'  {ids[name]}{left}"{_text(place)}<br/>{(digest or "not kept")[:_DIGITS]}"{right}'
    drifted = [ids[name] for name, drifts in found.drifts.items() if drifts]
    if drifted:
        yield "  classDef drifted stroke:#c00,stroke-width:3px"
        yield f"  class {','.join(drifted)} drifted"


def _arrows(found: Trace) -> Iterator[str]:
    ids = _ids(found)
    for name, inputs in found.inputs.items():
        yield from (f"  {ids[one]} --> {ids[name]}" for one in inputs if one in ids)
    yield f"  {ids[found.number.table]} --> number"


def _ids(found: Trace) -> dict[str, str]:
    return {name: f"d{count}" for count, name in enumerate(found.digests)}


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
