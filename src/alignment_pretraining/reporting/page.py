"""The report as one HTML page that needs nothing beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.hashing import json_md5
from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.core.pages import html_template
from alignment_pretraining.reporting import sections
from alignment_pretraining.reporting.claims import Claim
from alignment_pretraining.reporting.declared import Declared, share
from alignment_pretraining.reporting.effects import NOT_MEASURED
from alignment_pretraining.reporting.examples import examples_to_show
from alignment_pretraining.reporting.filtering import Filtering
from alignment_pretraining.reporting.filtering import number as filter_number
from alignment_pretraining.reporting.numbers import PrintedNumber, difference_number, p_value, plain, rate_number
from alignment_pretraining.reporting.picture import reading
from alignment_pretraining.reporting.plots import plots
from alignment_pretraining.reporting.results import Results
from alignment_pretraining.reporting.samples import samples_to_show
from alignment_pretraining.reporting.scope import SPLITS, STAGE_NAMES, Scope
from alignment_pretraining.reporting.stylesheet import stylesheet
from alignment_pretraining.study import BASE_STAGES

# Parameters below which the page says that it is no evidence about large models.
SMALL = 1_000_000_000

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Shown:
    """Tables that the page shows as they are."""

    samples: pd.DataFrame
    topics: pd.DataFrame
    streams: pd.DataFrame
    examples: pd.DataFrame


def render_page(
    declared: Declared, results: Results, shown: Shown, filtering: Filtering, figures: Path, claims: list[Claim]
) -> str:
    """HTML with inline style, script and figures; the same text for the same inputs.

    Some figures are there as data, too: with Plotly's library beside the page they answer to the pointer.
    """
    scope = results.scope
    effects = sections.effect_rows(results, claims)
    page = html_template(_HERE, "report.html.j2")
    text = page.render(
        css=stylesheet(),
        script="".join((_HERE / name).read_text(encoding="utf-8") for name in ("report.js", "plots.js")),
        plots=plots(results.rates, declared.contrasts, shown.topics, claims, scope),
        results=results,
        declared=declared,
        share=share,
        samples=list(samples_to_show(shown.samples, scope)),
        examples=list(examples_to_show(shown.examples)),
        shown=shown,
        reading=reading,
        inserted=inserted(shown.streams, scope),
        filtering=filtering,
        scope=scope,
        study=scope.study,
        run=scope.evaluation["run"],
        splits=SPLITS,
        stage_names=STAGE_NAMES,
        persona_name=sections.persona_name,
        parameters=parameter_count(scope.study.model),
        tokens=sum(getattr(scope.study.stages, stage).tokens for stage in BASE_STAGES[:2]),
        small=parameter_count(scope.study.model) < SMALL,
        millions=lambda count: f"{count / 1e6:,.2g}" if count < 1e7 else f"{count / 1e6:,.0f}",
        headline=sections.headline(results),
        effects=effects,
        counts=sections.verdict_counts(effects),
        not_measured=NOT_MEASURED,
        paper={version: sections.paper_rows(results, claims, version) for version in ("V", "D")},
        capability=sections.capability_claims(claims, scope),
        left_out=sections.left_out(results),
        rate_number=rate_number,
        difference_number=difference_number,
        loss_number=loss_number,
        filter_number=filter_number,
        plain=plain,
        negative=lambda value: plain(value).replace("-", "\N{MINUS SIGN}"),
        p_value=p_value,
        figure=lambda name: inline_svg(figures / f"{name}.svg"),
        dose_figures=sorted(path.stem for path in figures.glob("dose-*.svg")),
        hashes={
            "study": json_md5(scope.study.model_dump()),
            "evaluation": json_md5(scope.evaluation),
            "claims": json_md5([claim.model_dump() for claim in claims]),
        },
    )
    return re.sub(r"\n\s*\n+", "\n", text)


def loss_number(row: Any) -> PrintedNumber:
    """A row of `losses`."""
    return PrintedNumber(row.key, plain(row.heldout_loss), n_seeds=int(row.n_seeds))


def inserted(streams: pd.DataFrame, scope: Scope) -> dict[tuple[str, str], list[Any]]:
    """Rows of `streams` for inserted documents, by arm and base stage: those of the arm that trained it."""
    rows: dict[tuple[str, str], list[Any]] = {}
    for arm in scope.arms:
        for run in scope.study.chain(arm):
            sources = scope.study.mix(arm, run.stage).sources
            own = streams[(streams["arm"] == run.arm) & (streams["stage"] == run.stage)]
            rows[arm, run.stage] = [row for row in own.itertuples() if row.source in sources]
    return rows


def inline_svg(path: Path) -> str:
    """The drawing of an SVG file with ids that no other drawing on the page has; empty when there is no such file.

    Its size is left to the page, and it is hidden from screen readers, to whom the figure's caption speaks.
    """
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)
    # Ids of the drawing's own parts; a link to a number has a key, with a slash.
    text = re.sub(r'(\sid="|url\(#|href="#(?![^"]*/))', rf"\g<1>{path.stem}-", text)
    text = text.replace('<a xlink:href="#', '<a tabindex="-1" href="#')
    opening = r'<svg \1 aria-hidden="true" focusable="false">'
    return re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', opening, text, count=1)
