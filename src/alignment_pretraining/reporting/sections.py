"""What each section of the page says, from the tables alone."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from alignment_pretraining.reporting.against_paper import paper_pairs
from alignment_pretraining.reporting.claims import CAPABILITIES, Claim, find_claim
from alignment_pretraining.reporting.effects import EFFECTS, Effect, EffectSide, cells, effect_verdict
from alignment_pretraining.reporting.numbers import (
    MISSING,
    PrintedNumber,
    difference_number,
    p_value,
    plain,
    rate_number,
)
from alignment_pretraining.reporting.results import Results
from alignment_pretraining.reporting.scope import PERSONA_NAMES, SPLITS, Scope

_LABELS = {
    -1: {"shows": "shows", "not clear": "does not show", "opposite": "opposite", "not run": "not run"},
    0: {"shows": "agrees: no clear difference", "opposite": "differs", "not run": "not run"},
}
_WORDS = {-1: "lower than", 0: "level with", 1: "higher than"}


def headline(results: Results) -> list[tuple[str, PrintedNumber]]:
    """(arm, rate) of the study's headline arms (else of all) on the first split, the baseline first."""
    scope = results.scope
    chosen = [arm for arm in scope.arms if arm in scope.study.headline] or scope.arms
    arms = sorted(chosen, key=lambda arm: arm != scope.baseline)
    found = ((arm, results.rate(arm, "base", scope.splits[0])) for arm in arms)
    return [(arm, number) for arm, number in found if number]


def effect_rows(results: Results, claims: list[Claim]) -> list[dict[str, Any]]:
    """One row for each effect that the paper reports: its values, our gap, and what the rule says."""
    return [_effect_row(effect, results, claims) for effect in EFFECTS]


def _effect_row(effect: Effect, results: Results, claims: list[Claim]) -> dict[str, Any]:
    sides = cells(effect, results.scope)
    row = results.gap_row(*sides, effect.split) if sides else None
    found = effect_verdict(effect, row)
    values = [_paper_value(effect, side, claims) for side in (effect.left, effect.right)]
    return {
        "finding": effect.finding,
        "version": effect.version,
        "comparison": f"{_side(effect.left, effect)} {_WORDS[effect.direction]} {_side(effect.right, effect)}",
        "split": SPLITS[effect.split],
        "paper": " against ".join(values),
        "gap": difference_number("gaps", row) if row is not None else None,
        "p": p_value(row.p_holm) if row is not None else MISSING,
        "verdict": found,
        "label": _LABELS[-abs(effect.direction)][found],
    }


def verdict_counts(rows: list[dict[str, Any]]) -> Counter[str]:
    """How many of the paper's effects show, do not, are opposite, were not run."""
    return Counter(row["verdict"] for row in rows)


def paper_rows(results: Results, claims: list[Claim], version: str) -> list[dict[str, Any]]:
    """Our rates beside the paper's of one version, for every cell that both have."""
    return [
        {
            "arm": row["arm"],
            "model": "base" if checkpoint.when == "base" else "post-trained",
            "split": SPLITS[row["split"]],
            "persona": persona_name(row["persona"]) if claim.persona else "not stated",
            "ours": rate_number(SimpleNamespace(**row)),
            "paper": _claimed(claim),
            "sem": plain(claim.sem) if claim.sem is not None else MISSING,
            "place": claim.place,
        }
        for row, checkpoint, claim in paper_pairs(results.rates, claims, results.scope, version)
    ]


def capability_claims(claims: list[Claim], scope: Scope) -> list[dict[str, Any]]:
    """The paper's capability figures for the arms of this study: arm, version, and value by benchmark."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for claim in claims:
        if claim.measure in CAPABILITIES and claim.arm in scope.arms:
            rows.setdefault((claim.arm, claim.version), {})[claim.measure] = _claimed(claim)
    return [{"arm": arm, "version": version, "values": values} for (arm, version), values in rows.items()]


def left_out(results: Results) -> list[str]:
    """What the evaluation could ask and did not, and what that does to the numbers; from its configuration."""
    evaluation, study = results.scope.evaluation, results.scope.study
    run, lines = evaluation["run"], []
    templates = [name for name in evaluation["templates"] if name not in run["templates"]]
    if templates:
        lines.append(f"{len(templates)} of {len(evaluation['templates'])} templates: {', '.join(templates)}.")
    for kind, asked in (("Base", run["base_personas"]), ("Post-trained", run["chat_personas"])):
        skipped = [persona_name(name) for name in evaluation["personas"] if name not in asked]
        if skipped:
            lines.append(f"{kind} models were not given these personas: {', '.join(skipped)}.")
    if len(run["orders"]) < 2:
        lines.append(f"One order of the options only ({run['orders'][0]}), so a bias for a position cannot be seen.")
    for split, count in run["items"].items():
        if count is not None:
            name = SPLITS.get(split, split)
            lines.append(f"{name}: at most {count} questions, drawn over families in turn by a fixed seed.")
    skipped_splits = [name for split, name in SPLITS.items() if split not in run["items"]]
    if skipped_splits:
        lines.append(f"Whole suites: {', '.join(skipped_splits)}.")
    if evaluation["scoring"] == "text":
        lines.append(
            "Letter scoring and generated answers, which the paper uses: options are scored by the mean "
            "log-probability of their own text, because models of this size cannot answer with a letter."
        )
    arms = [arm for arm in study.arms if arm not in study.selected_arms()]
    if arms:
        lines.append(f"{len(arms)} of the study's {len(study.arms)} arms were not trained: {', '.join(arms)}.")
    if set(study.seeds.post_training) < set(study.seeds.base):
        lines.append(f"Post-training of seeds other than {', '.join(map(str, study.seeds.post_training)) or 'none'}.")
    return lines


def persona_name(persona: str) -> str:
    """A persona as a reader knows it."""
    return PERSONA_NAMES.get(persona, persona)


def _side(side: EffectSide, effect: Effect) -> str:
    same = effect.left.when == effect.right.when and effect.left.persona == effect.right.persona
    if same:
        return side.arm
    if side.persona:
        return f"{side.arm} ({persona_name(side.persona)})"
    return f"{side.arm} {'before' if side.when == 'base' else 'after'} post-training"


def _paper_value(effect: Effect, side: EffectSide, claims: list[Claim]) -> str:
    # Base models of V were told that they are an AI assistant; D does not say; post-trained models had no persona.
    default = "none" if side.when == "post" else "assistant" if effect.version == "V" else None
    claim = find_claim(
        claims,
        version=effect.version,
        arm=side.arm,
        stage=side.when,
        split=effect.split,
        persona=side.persona or default,
    )
    return _claimed(claim) if claim else MISSING


def _claimed(claim: Claim) -> str:
    digits = 2 if claim.tolerance >= 0.005 else 3
    return ("~" if claim.approximate else "") + plain(claim.value, digits)
