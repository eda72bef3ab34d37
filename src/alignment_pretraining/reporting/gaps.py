"""Table of gaps: differences between two models' misalignment rates on the same questions."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from alignment_pretraining.evaluation.statistics import holm, misalignment_gap
from alignment_pretraining.reporting.effects import EFFECTS, cells
from alignment_pretraining.reporting.scope import Scope

GAP_COLUMNS = (
    "key", "kind", "arm", "reference", "stage", "reference_stage", "split", "persona", "reference_persona",
    "gap", "low", "high", "p", "p_holm",
)  # fmt: skip

Cell = tuple[str, str, str]  # arm, stage, persona


def gap_key(left: Cell, right: Cell, split: str) -> str:
    """The name of a gap, as `kedro trace` takes it."""
    return f"gap/{left[0]}/{left[1]}/{split}/{left[2]}/minus/{right[0]}/{right[1]}/{right[2]}"


def gap_table(items: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """Every arm against the baseline, every post-trained model against its base model, and the paper's comparisons.

    `kind` is arm, stage or persona: what differs between the two sides. Holm's correction (`p_holm`) is taken over
    all gaps of one kind and of one stage.
    """
    by_cell = dict(list(scope.main(items).groupby(["arm", "stage", "split", "persona"])))
    owner = {(checkpoint.arm, checkpoint.stage): checkpoint.owner for checkpoint in scope.checkpoints}
    rows = []
    for left, right, split in dict.fromkeys(_comparisons(scope)):
        found = (by_cell.get((owner[arm, stage], stage, split, persona)) for arm, stage, persona in (left, right))
        sides = [side for side in found if side is not None]
        if len(sides) < 2:
            continue
        # A model with fewer seeds is compared on the seeds that both sides have.
        seeds = set(sides[0]["seed"]) & set(sides[1]["seed"])
        gap = misalignment_gap(*(side[side["seed"].isin(seeds)] for side in sides))
        rows.append(
            {
                "key": gap_key(left, right, split),
                "kind": "arm" if left[0] != right[0] else "persona" if left[1] == right[1] else "stage",
                "arm": left[0],
                "reference": right[0],
                "stage": left[1],
                "reference_stage": right[1],
                "split": split,
                "persona": left[2],
                "reference_persona": right[2],
                "gap": gap.gap,
                "low": gap.low,
                "high": gap.high,
                "p": gap.p,
            }
        )
    table = pd.DataFrame(rows, columns=list(GAP_COLUMNS[:-1]))
    when = table["stage"].isin(["sft", "dpo"])
    table["p_holm"] = table.groupby([table["kind"], when])["p"].transform(lambda p: holm(p.to_list()))
    return table


def _comparisons(scope: Scope) -> Iterator[tuple[Cell, Cell, str]]:
    """(left, right, split) of every gap, the baseline's first."""
    run = scope.evaluation["run"]
    for when, personas in (("base", run["base_personas"]), ("post", run["chat_personas"])):
        for arm in scope.arms:
            left = scope.checkpoint(arm, when)  # type: ignore[arg-type]
            right = scope.checkpoint(scope.baseline, when) if scope.baseline else None  # type: ignore[arg-type]
            if left is None or right is None or arm == scope.baseline:
                continue
            for persona in personas:
                for split in scope.splits:
                    yield (arm, left.stage, persona), (right.arm, right.stage, persona), split
    for arm in scope.arms:
        base, post = scope.checkpoint(arm, "base"), scope.checkpoint(arm, "post")
        if base is not None and post is not None:
            for split in scope.splits:
                yield (arm, post.stage, scope.persona("post")), (arm, base.stage, scope.persona("base")), split
    for effect in EFFECTS:
        sides = cells(effect, scope)
        if sides:
            yield (*sides, effect.split)
