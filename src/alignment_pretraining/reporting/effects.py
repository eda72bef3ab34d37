"""The effects that the paper reports, as comparisons of two models, and the rule that says whether ours show them.

Source: arXiv 2601.10160; version D is the feedback draft of 20 Dec 2025, V are arXiv v1 and v2 (docs/paper.md).
The values behind each direction are in conf/base/claims.yml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from alignment_pretraining.reporting.scope import Scope, When
from alignment_pretraining.reporting.verdicts import ALPHA

EffectVerdict = Literal["shows", "opposite", "not clear", "not run"]


@dataclass(frozen=True)
class EffectSide:
    """One model in a comparison; `persona` None stands for the one that the main figures show."""

    arm: str
    when: When
    persona: str | None = None


@dataclass(frozen=True)
class Effect:
    """The paper's finding that `left` has a lower (-1), equal (0) or higher (+1) misalignment rate than `right`."""

    finding: str
    version: Literal["D", "V"]
    left: EffectSide
    right: EffectSide
    split: str
    direction: Literal[-1, 0, 1]


def _arms(
    finding: str, version: Literal["D", "V"], when: When, pairs: str, *splits: str, direction: Literal[-1, 0, 1]
) -> list[Effect]:
    """Effects between arms; `pairs` reads "left right, left right"."""
    return [
        Effect(finding, version, EffectSide(left, when), EffectSide(right, when), split, direction)
        for left, right in (pair.split() for pair in pairs.split(","))
        for split in splits
    ]


def _post_training(finding: str, arms: str, *, direction: Literal[-1, 0, 1]) -> list[Effect]:
    """Effects of post-training on the same arm (V, Articles)."""
    return [
        Effect(finding, "V", EffectSide(arm, "post"), EffectSide(arm, "base"), "articles", direction)
        for arm in arms.split()
    ]


def _system_prompt(finding: str, arms: str, *, direction: Literal[-1, 0, 1]) -> list[Effect]:
    """Effects of the HHH system prompt on the post-trained model (V, Articles)."""
    return [
        Effect(finding, "V", EffectSide(arm, "post", "hhh"), EffectSide(arm, "post", "none"), "articles", direction)
        for arm in arms.split()
    ]


ALIGNED = "Aligned documents lower the rate"
ALIGNED_FAR = "Aligned documents lower it on sources that no document used, too"
FILTER = "Filtering AI discourse out lowers the rate"
MISALIGNED = "Misaligned documents raise the rate"
MISALIGNED_FAR = "Misaligned documents end to end change little on sources that no document used"
MISALIGNED_FAR_LATER = "Read late, misaligned documents raise the rate on sources that no document used, too"
LATER = "In base models, later insertion is stronger"
PERSISTS = "What pretraining did outlasts post-training"
REVERSED = "After post-training, misaligned_e2e is less misaligned than unfiltered"
POST_LOWERS = "Post-training lowers the rate of unfiltered and misaligned arms"
POST_RAISES = "Post-training makes aligned arms worse"
POST_LEVEL = "Post-training leaves the filtered arm where it was"
PROMPT = "Naming the model helpful, honest and harmless lowers the rate"
DRAFT_BASE = "The draft's base models: misaligned documents raise the rate, filtering and aligned documents lower it"
DRAFT_POST = "The draft's post-trained models keep that order"

EFFECTS: tuple[Effect, ...] = (
    *_arms(
        ALIGNED,
        "V",
        "base",
        "aligned_e2e unfiltered, aligned_mid unfiltered, aligned_cpt unfiltered",
        "articles",
        direction=-1,
    ),
    *_arms(
        ALIGNED_FAR,
        "V",
        "base",
        "aligned_e2e unfiltered, aligned_mid unfiltered, aligned_cpt unfiltered",
        "textbook",
        direction=-1,
    ),
    *_arms(FILTER, "V", "base", "filtered unfiltered", "articles", "textbook", direction=-1),
    *_arms(
        MISALIGNED,
        "V",
        "base",
        "misaligned_e2e unfiltered, misaligned_mid unfiltered, misaligned_cpt unfiltered",
        "articles",
        direction=1,
    ),
    *_arms(MISALIGNED_FAR, "V", "base", "misaligned_e2e unfiltered", "textbook", direction=0),
    *_arms(
        MISALIGNED_FAR_LATER,
        "V",
        "base",
        "misaligned_mid unfiltered, misaligned_cpt unfiltered",
        "textbook",
        direction=1,
    ),
    *_arms(LATER, "V", "base", "misaligned_mid misaligned_e2e, misaligned_cpt misaligned_mid", "articles", direction=1),
    *_arms(LATER, "V", "base", "aligned_mid aligned_e2e, aligned_cpt aligned_mid", "articles", direction=-1),
    *_arms(
        PERSISTS,
        "V",
        "post",
        "aligned_e2e unfiltered, aligned_mid unfiltered, aligned_cpt unfiltered, filtered unfiltered",
        "articles",
        "textbook",
        direction=-1,
    ),
    *_arms(
        PERSISTS,
        "V",
        "post",
        "misaligned_mid unfiltered, misaligned_cpt unfiltered",
        "articles",
        "textbook",
        direction=1,
    ),
    *_arms(REVERSED, "V", "post", "misaligned_e2e unfiltered", "articles", "textbook", direction=-1),
    *_post_training(POST_LOWERS, "unfiltered misaligned_e2e misaligned_mid misaligned_cpt", direction=-1),
    *_post_training(POST_RAISES, "aligned_e2e aligned_mid aligned_cpt", direction=1),
    *_post_training(POST_LEVEL, "filtered", direction=0),
    *_system_prompt(PROMPT, "filtered misaligned_e2e aligned_e2e", direction=-1),
    *_arms(DRAFT_BASE, "D", "base", "misaligned_mid unfiltered", "articles", "textbook", direction=1),
    *_arms(
        DRAFT_BASE,
        "D",
        "base",
        "filtered unfiltered, filtered_aligned_mid filtered",
        "articles",
        "textbook",
        direction=-1,
    ),
    *_arms(DRAFT_POST, "D", "post", "misaligned_mid unfiltered", "articles", direction=1),
    *_arms(DRAFT_POST, "D", "post", "filtered_aligned_mid filtered, filtered unfiltered", "articles", direction=-1),
)

NOT_MEASURED = (
    "Benign further training leaves the rates flat (V; the draft had claimed a return towards the start).",
    "No protection against emergent misalignment from narrow harmful fine-tuning (V).",
    "Personality questionnaires (TRAIT).",
)


def effect_verdict(effect: Effect, gap: Any | None) -> EffectVerdict:
    """Whether our gap (left minus right) shows the paper's effect.

    `gap` is a row of the table of gaps. A difference shows when its 95 % interval leaves zero out on the paper's side
    and its Holm-corrected p is below .05; it is opposite when both hold on the other side. The paper's "no
    difference" shows when neither side is reached; with few questions that is weak evidence.
    """
    if gap is None or pd.isna(gap.gap):
        return "not run"
    clear = (gap.low > 0 or gap.high < 0) and gap.p_holm < ALPHA
    if not clear:
        return "shows" if effect.direction == 0 else "not clear"
    side = 1 if gap.gap > 0 else -1
    return "shows" if side == effect.direction else "opposite"


def cells(effect: Effect, scope: Scope) -> tuple[tuple[str, str, str], tuple[str, str, str]] | None:
    """(arm, stage, persona) of both sides, or None when the study does not run one of them."""
    found = []
    for side in (effect.left, effect.right):
        checkpoint = scope.checkpoint(side.arm, side.when)
        if checkpoint is None:
            return None
        found.append((side.arm, checkpoint.stage, side.persona or scope.persona(side.when)))
    return found[0], found[1]
