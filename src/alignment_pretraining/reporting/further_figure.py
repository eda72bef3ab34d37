"""Rates against the tokens of further training, as a figure."""

from __future__ import annotations

import io

import pandas as pd

from alignment_pretraining.reporting.scope import PERSONA_NAMES, SPLITS, Scope
from alignment_pretraining.reporting.style import colour, drawing, link

_ELSEWHERE = ("#565656", "#0072B2", "#C24E00", "#007A5A", "#8A3A6C", "#7D5000")


def draw_rates(rates: pd.DataFrame, scope: Scope) -> str:
    """A line for each checkpoint through its rates, with 95 % intervals, as SVG: the last suite, in the form and under
    the persona of the main figures of chat models."""
    from matplotlib.figure import Figure

    split = scope.splits[-1] if scope.splits else rates["split"].iloc[-1]
    persona = scope.persona("post")
    main = rates[(rates["split"] == split) & (rates["form"] == scope.form) & (rates["persona"] == persona)]
    drawn = io.StringIO()
    with drawing():
        figure = Figure(figsize=(7.6, 3.8), layout="constrained")
        told = PERSONA_NAMES.get(persona, persona)
        axes = figure.add_subplot(title=f"{SPLITS.get(split, split)}, {told}")
        for number, (arm, part) in enumerate(main.groupby("arm", sort=False)):
            known = scope.study.arms.get(str(arm))
            shade = colour(known) if known else _ELSEWHERE[number % len(_ELSEWHERE)]
            axes.plot(part["tokens"], part["rate"], "-", color=shade, label=arm)
            for row in part.to_dict("records"):
                axes.plot([row["tokens"]] * 2, [row["low"], row["high"]], color=shade, lw=1, alpha=0.5)
                link(axes.plot(row["tokens"], row["rate"], "o", ms=5, color=shade), row["key"])
        axes.set(ylim=(-0.02, 1.02), xlabel="tokens of further SFT", ylabel="misalignment rate, 95 % interval")
        figure.legend(loc="outside right upper")
        figure.savefig(drawn, format="svg", metadata={key: None for key in ("Date", "Creator", "Format", "Type")})
    return drawn.getvalue()
