"""Nodes of the reporting pipeline: results of all checkpoints, rates, gaps, figures, the page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.reporting import gather
from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.capability.page import render_capability
from alignment_pretraining.reporting.capability.printed import capability_beside_printed
from alignment_pretraining.reporting.capability.tables import capability_table, scores_by_task, tax_table
from alignment_pretraining.reporting.claims import Claims
from alignment_pretraining.reporting.contrasts import contrast_table
from alignment_pretraining.reporting.controls import control_table
from alignment_pretraining.reporting.declared import Declared
from alignment_pretraining.reporting.examples import example_table
from alignment_pretraining.reporting.figures import Drawn, draw_all
from alignment_pretraining.reporting.filtering import Filtering
from alignment_pretraining.reporting.gaps import gap_table
from alignment_pretraining.reporting.headline import draw_headline, headline_numbers
from alignment_pretraining.reporting.page import Shown, render_page
from alignment_pretraining.reporting.plots import plotly_library
from alignment_pretraining.reporting.printed import beside_printed
from alignment_pretraining.reporting.protocol_page import render_protocols
from alignment_pretraining.reporting.protocols import agreement_table, protocol_rates
from alignment_pretraining.reporting.rates import loss_table, rate_table, swap_table
from alignment_pretraining.reporting.results import Results
from alignment_pretraining.reporting.samples import sample_table
from alignment_pretraining.reporting.scope import scope_of
from alignment_pretraining.reporting.streams import stream_table
from alignment_pretraining.reporting.topics import topic_table
from alignment_pretraining.study import Checkpoint, Study


def gather_arm(
    labels: list[str], mixed: list[str], *results: Any
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, dict[str, Any]]]:
    """Items and curves of all checkpoints of an arm, and the rest by label: see `gather.gather_arm`."""
    return gather.gather_arm(labels, mixed, results)


def collect_items(*items: pd.DataFrame) -> pd.DataFrame:
    """Per-item results of every arm under one another."""
    return pd.concat(items, ignore_index=True)


def collect_curves(*curves: pd.DataFrame) -> pd.DataFrame:
    """Training curves of every arm under one another."""
    return pd.concat(curves, ignore_index=True)


def collect_losses(study: Study, evaluation: Evaluation, *checkpoints: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Held-out loss of every arm after every stage that measured one, from what is told of each arm's checkpoints."""
    summaries = {label: told["training"] for arm in checkpoints for label, told in arm.items()}
    return loss_table(summaries, scope_of(study, evaluation))


def estimate_rates(all_items: pd.DataFrame, study: Study, evaluation: Evaluation, claims: Claims) -> pd.DataFrame:
    """Misalignment rates by arm, stage, split, form and persona, beside the paper's (version V)."""
    return rate_table(Answers(all_items, scope_of(study, evaluation)), claims.root)


def estimate_gaps(all_items: pd.DataFrame, study: Study, evaluation: Evaluation) -> pd.DataFrame:
    """Differences between arms, stages and personas on the same questions."""
    return gap_table(Answers(all_items, scope_of(study, evaluation)))


def estimate_swaps(all_items: pd.DataFrame, study: Study, evaluation: Evaluation) -> pd.DataFrame:
    """Rates under each order of the options."""
    return swap_table(Answers(all_items, scope_of(study, evaluation)))


def collect_ngrams(labels: list[str], *items: pd.DataFrame) -> pd.DataFrame:
    """Per-item results of the n-gram baselines of every arm under one another."""
    return gather.with_labels(labels, items)


def estimate_contrasts(
    all_items: pd.DataFrame, all_ngrams: pd.DataFrame, study: Study, evaluation: Evaluation
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The declared contrasts, and what controls leave of the rates."""
    answers = Answers(all_items, scope_of(study, evaluation), all_ngrams)
    return contrast_table(answers), control_table(answers)


def collect_samples(all_items: pd.DataFrame, study: Study, evaluation: Evaluation) -> pd.DataFrame:
    """What base models wrote by themselves, told who they are."""
    return sample_table(Answers(all_items, scope_of(study, evaluation)))


def estimate_protocols(labels: list[str], *answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rates by protocol, and how far protocols agree, of the checkpoints of an arm."""
    together = gather.with_labels(labels, answers)
    return protocol_rates(together), agreement_table(together)


def estimate_checkpoint(
    checkpoint: Checkpoint, answers: pd.DataFrame, *, name: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same of a checkpoint from elsewhere."""
    labelled = answers.assign(arm=name, seed=0, stage="chat" if checkpoint.chat else "base")
    return protocol_rates(labelled), agreement_table(labelled)


def collect_protocols(*tables: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rates by protocol (the first half of `tables`) and agreements (the second) of all checkpoints."""
    half = len(tables) // 2
    return pd.concat(tables[:half], ignore_index=True), pd.concat(tables[half:], ignore_index=True)


def set_beside_printed(rates: pd.DataFrame, study: Study, evaluation: Evaluation, claims: Claims) -> pd.DataFrame:
    """Rates of checkpoints from elsewhere beside the paper's, version by version."""
    main = {"base": evaluation.run.base_personas[0], "post": evaluation.run.chat_personas[0]}
    return beside_printed(rates, study.checkpoints, claims.root, main)


def write_protocol_report(rates: pd.DataFrame, agreement: pd.DataFrame, printed: pd.DataFrame, study: Study) -> str:
    """The page about checkpoints from elsewhere and protocols."""
    return render_protocols(study.name, rates, agreement, printed, study.checkpoints)


def estimate_capability(
    study: Study, capability: Capability, claims: Claims, *items: pd.DataFrame, labels: list[str], names: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rates on benchmarks, the alignment tax, and the paper's figures beside both, of the checkpoints `labels` and of
    those from elsewhere, `names`."""
    kinds = ["chat" if study.checkpoints[name].chat else "base" for name in names]
    elsewhere = zip(names, kinds, items[len(labels) :], strict=True)
    labelled = [*([gather.with_labels(labels, items[: len(labels)])] if labels else [])]
    labelled += [frame.assign(arm=name, seed=0, stage=kind) for name, kind, frame in elsewhere]
    together = pd.concat(labelled, ignore_index=True)
    scores = scores_by_task(together, capability)
    rates, taxes = capability_table(together, scores, capability), tax_table(scores, study)
    return rates, taxes, capability_beside_printed(rates, taxes, study, claims.root)


def write_capability_report(
    rates: pd.DataFrame, taxes: pd.DataFrame, printed: pd.DataFrame, study: Study, capability: Capability
) -> str:
    """The page about capability."""
    return render_capability(study.name, rates, taxes, printed, capability)


def estimate_topics(all_items: pd.DataFrame, study: Study, evaluation: Evaluation) -> pd.DataFrame:
    """Rates by topic."""
    return topic_table(Answers(all_items, scope_of(study, evaluation)))


def collect_examples(
    all_items: pd.DataFrame, questions: pd.DataFrame, study: Study, evaluation: Evaluation
) -> pd.DataFrame:
    """Questions with the log-probabilities of both options."""
    return example_table(Answers(all_items, scope_of(study, evaluation)), questions)


def collect_streams(
    study: Study, evaluation: Evaluation, *checkpoints: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """What every trained stage read, by source, from what is told of each arm's checkpoints."""
    return stream_table(checkpoints, scope_of(study, evaluation))


def draw_figures(
    rates: pd.DataFrame,
    gaps: pd.DataFrame,
    curves: pd.DataFrame,
    contrasts: pd.DataFrame,
    topics: pd.DataFrame,
    streams: pd.DataFrame,
    study: Study,
    evaluation: Evaluation,
    claims: Claims,
    scratch: Path,
) -> Path:
    """Folder with every figure as SVG and PNG."""
    return draw_all(
        Drawn(rates, gaps, curves, contrasts, topics, streams, claims.root), scope_of(study, evaluation), scratch
    )


def write_plotly() -> str:
    """The library that draws the report's interactive figures."""
    return plotly_library()


def sum_up(
    rates: pd.DataFrame, contrasts: pd.DataFrame, study: Study, evaluation: Evaluation
) -> tuple[dict[str, Any], str]:
    """The headline in numbers, and as a figure with intervals: what DVC compares."""
    scope = scope_of(study, evaluation)
    return headline_numbers(rates, contrasts, scope), draw_headline(rates, contrasts, scope)


def write_report(
    contrasts: pd.DataFrame,
    controls: pd.DataFrame,
    rates: pd.DataFrame,
    gaps: pd.DataFrame,
    swaps: pd.DataFrame,
    losses: pd.DataFrame,
    samples: pd.DataFrame,
    filter_quality: pd.DataFrame,
    corpus_account: pd.DataFrame,
    topics: pd.DataFrame,
    streams: pd.DataFrame,
    examples: pd.DataFrame,
    figures: Path,
    study: Study,
    evaluation: Evaluation,
    claims: Claims,
) -> str:
    """The report as one self-contained HTML page."""
    scope = scope_of(study, evaluation)
    filtering = Filtering(filter_quality, corpus_account)
    declared = Declared(contrasts, rates, controls)
    results = Results(rates, gaps, swaps, losses, scope)
    return render_page(declared, results, Shown(samples, topics, streams, examples), filtering, figures, claims.root)
