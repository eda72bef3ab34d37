"""The chain of a number as a chart that Mermaid draws."""

from alignment_pretraining.lineage.diagram import as_mermaid
from alignment_pretraining.lineage.numbers import find_number
from alignment_pretraining.lineage.trace import trace
from tests.lineage.small_graph import Small


def _chart(small: Small, key: str = "rate/a") -> list[str]:
    graph = small.graph
    return as_mermaid(graph, trace(graph, find_number(graph, key))).splitlines()


def test_every_step_is_a_box_with_place_and_hash_and_arrows_lead_up(run_small: Small) -> None:
    graph = run_small.graph
    rates, checkpoint, tokens, words = (
        (graph.digest(name) or "")[:8] for name in ("rates", "a.seed0.pretraining.checkpoint", "tokens", "words")
    )
    assert _chart(run_small) == [
        "flowchart BT",
        '  number(["rate/a = 0.3"])',
        f'  d0["data/rates.csv<br/>{rates}"]',
        f'  d1["data/models/a.seed0.pretraining.checkpoint<br/>{checkpoint}"]',
        f'  d2["data/tokens.json<br/>{tokens}"]',
        f'  d3[("data/words.txt<br/>{words}")]',
        "  d1 --> d0",
        "  d2 --> d1",
        "  d3 --> d2",
        "  d0 --> number",
    ]


def test_what_drifted_is_marked(run_small: Small) -> None:
    run_small.write("data/words.txt", "other words")
    chart = _chart(run_small)
    assert "  classDef drifted stroke:#c00,stroke-width:3px" in chart
    assert "  class d2 drifted" in chart


def test_what_is_not_kept_is_said(run_small: Small) -> None:
    (run_small.root / "data/tokens.json").unlink()
    assert '  d2["data/tokens.json<br/>not kept"]' in _chart(run_small)


def test_names_cannot_draw(run_small: Small) -> None:
    table = run_small.root / "data/rates.csv"
    run_small.make("rates", table.read_text().replace("rate/a,", '"rate/""<a>&""",'))
    run_small.paths["words"] = 'data/<w>"&.txt'
    chart = _chart(run_small, 'rate/"<a>&"')
    assert chart[1] == '  number(["rate/&quot;&lt;a&gt;&amp;&quot; = 0.3"])'
    assert '  d3[("data/&lt;w&gt;&quot;&amp;.txt<br/>not kept")]' in chart
