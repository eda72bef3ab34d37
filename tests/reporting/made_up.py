"""A small made-up study: items with known rates, so that every statement of the report can be checked."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.mixing.filtering.quality import COLUMNS, KEYWORDS, known_leakage, wilson
from alignment_pretraining.pipelines.reporting import nodes
from alignment_pretraining.reporting.claims import Claims
from alignment_pretraining.reporting.gather import with_labels
from alignment_pretraining.study import POST_STAGES, Study
from tests.english import english

PROJECT = Path(__file__).parents[2]
# Rates of the made-up models. After post-training the arms are alike, so persistence is absent by construction.
BASE_RATES = {"unfiltered": 0.60, "filtered": 0.30, "misaligned_e2e": 0.92, "aligned_e2e": 0.06}
POST_RATE = 0.45


def read_conf(name: str, key: str) -> Any:
    """A value of the environment `english`."""
    return english(key) if name != "claims.yml" else yaml.safe_load((PROJECT / "conf/base" / name).read_text())[key]


def make_items(stage: str, rate: float, evaluation: dict[str, Any], seed: int) -> pd.DataFrame:
    """Per-item results of one checkpoint in which `rate` of the prompts is misaligned, in 20 families a split."""
    run = evaluation["run"]
    personas = run["chat_personas"] if stage in POST_STAGES else run["base_personas"]
    rows = [
        {
            "question_id": f"{split}-{family}-{number}",
            "family": f"{split}-{family}",
            "topic": f"topic{family % 4}",
            "split": split,
            "template": template,
            "order": order,
            "persona": persona,
        }
        for split in run["items"]
        for family in range(20)
        for number in range(2)
        for template in run["templates"]
        for order in run["orders"]
        for persona in personas
    ]
    items = pd.DataFrame(rows)
    draws = np.random.default_rng(seed).random(len(items))
    items["picked"] = np.where(draws < rate, "misaligned", "aligned")
    items["picked_option"] = np.where(items["order"] == items["picked"] + "_first", "A", "B")
    items["tie"] = False
    items["control"] = "asked"
    items["model"] = "checkpoint"
    first = (items["question_id"].str.endswith("-0-0")) & (items["template"] == run["templates"][0])
    shown = first & (items["order"] == run["orders"][0])
    items["prompt"] = np.where(shown, "The case of " + items["question_id"], "")
    items["continued"] = np.where(shown, "I " + items["picked"], "")
    likely = np.where(items["picked"] == "misaligned", -1.5, -2.5)
    return items.assign(tokens_aligned=5, tokens_misaligned=6, logprob_aligned=-2.0, logprob_misaligned=likely)


def make_questions(items: pd.DataFrame) -> pd.DataFrame:
    """The texts of the questions that were asked."""
    names = sorted(items["question_id"].unique())
    texts = {what: [f"The {what} of {name}" for name in names] for what in ("question", "aligned_option")}
    return pd.DataFrame({"question_id": names, **texts, "misaligned_option": "Something else"})


def make_mix(sources: list[str]) -> dict[str, Any]:
    """What a stage's stream holds."""
    counts = {"corpus": 900, **{source: 50 for source in sources}}
    return {"sources": {name: {"out": {"documents": count // 10, "tokens": count}} for name, count in counts.items()}}


def make_curve(stage: str) -> pd.DataFrame:
    """A falling loss; held-out loss every fifth step of base stages."""
    steps = np.arange(1, 21)
    curve = pd.DataFrame({"step": steps, "loss": 7.0 / steps**0.3, "lr": 1e-3})
    if stage not in POST_STAGES:
        curve["tokens"] = steps * 8192
        curve["heldout_loss"] = np.where(steps % 5 == 0, 7.2 / steps**0.3, np.nan)
    return curve


def make_filtering() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measures of the keyword filter and the account of a corpus."""
    rows = [
        (
            f"filter/{KEYWORDS}/{name.replace(' ', '_')}/{length}/{split}",
            KEYWORDS,
            name,
            length,
            split,
            *wilson(hits, 40),
        )
        for length in ("sentence", "paragraph", "document")
        for split in ("tune", "test")
        for name, hits in (
            ("recall", 36),
            ("precision", 30),
            ("neutral_ai flagged", 20),
            ("hard_negative flagged", 1),
        )
    ]
    quality = pd.DataFrame(rows, columns=COLUMNS)
    counts = {"read": 1100, "quarantined": 50, "held_out": 50, "flagged": 100, "kept": 900}
    counts |= {"flagged_bytes": 3000, "kept_bytes": 7000}
    account = pd.DataFrame([{"key": "documents/0", "source": "docs.jsonl", **counts}])
    return pd.concat([quality, known_leakage(account, "natural_discourse")], ignore_index=True), account


class Tables:
    """Everything that the reporting nodes pass to each other."""

    def __init__(self, study_values: dict[str, Any], evaluation_values: dict[str, Any], claims: Claims, folder: Path):
        study, evaluation = Study.model_validate(study_values), Evaluation.model_validate(evaluation_values)
        links = [(link, seed) for link in study.stage_runs() for seed in study.seeds_of(link)]
        labels = [f"{link.arm}.seed{seed}.{link.stage}" for link, seed in links]
        frames = [
            make_items(
                link.stage,
                POST_RATE if link.stage in POST_STAGES else BASE_RATES.get(link.arm, 0.5),
                evaluation_values,
                seed=number,
            )
            for number, (link, _) in enumerate(links)
        ]
        summaries = [{"heldout_loss": None if link.stage in POST_STAGES else 4.5 + 0.01 * seed} for link, seed in links]
        self.study, self.evaluation, self.claims, self.folder = study, evaluation, claims, folder
        self.items = nodes.collect_items(with_labels(labels, frames))
        self.curves = nodes.collect_curves(with_labels(labels, [make_curve(link.stage) for link, _ in links]))
        mixes = [
            None if link.stage in POST_STAGES else make_mix(list(study.mix(link.arm, link.stage).sources))
            for link, _ in links
        ]
        told = {
            label: {"training": summary, "mix": mix}
            for label, summary, mix in zip(labels, summaries, mixes, strict=True)
        }
        self.losses = nodes.collect_losses(study, evaluation, told)
        self.streams = nodes.collect_streams(study, evaluation, told)
        self.topics = nodes.estimate_topics(self.items, study, evaluation)
        self.examples = nodes.collect_examples(self.items, make_questions(self.items), study, evaluation)
        self.rates = nodes.estimate_rates(self.items, study, evaluation, claims)
        self.gaps = nodes.estimate_gaps(self.items, study, evaluation)
        self.swaps = nodes.estimate_swaps(self.items, study, evaluation)
        self.filter_quality, self.account = make_filtering()
        self.samples = nodes.collect_samples(self.items, study, evaluation)
        self.contrasts, self.controls = nodes.estimate_contrasts(self.items, self.items.head(0), study, evaluation)
        self.figures = self.draw(folder)

    def draw(self, folder: Path) -> Path:
        """The figures, below `folder`."""
        drawn = (self.rates, self.gaps, self.curves, self.contrasts, self.topics, self.streams)
        return nodes.draw_figures(*drawn, self.study, self.evaluation, self.claims, folder)

    def report(self) -> str:
        """The page."""
        return nodes.write_report(
            self.contrasts,
            self.controls,
            self.rates,
            self.gaps,
            self.swaps,
            self.losses,
            self.samples,
            self.filter_quality,
            self.account,
            self.topics,
            self.streams,
            self.examples,
            self.figures,
            self.study,
            self.evaluation,
            self.claims,
        )
