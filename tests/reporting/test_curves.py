"""Loss curves: means over trainings, at the tokens that an arm had read by then, every stage once."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from alignment_pretraining.reporting.curves import draw_losses
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.style import colour
from tests.reporting.small import Saved

MakeScope = Callable[..., Scope]
HERE = Path()


def curve(arm: str, stage: str, seed: int = 0, loss: float = 1.0, heldout: float | None = None) -> pd.DataFrame:
    """Two steps of 1,000 tokens; a held-out loss after the second, where there is any."""
    told = {"arm": arm, "seed": seed, "stage": stage, "step": [1, 2], "loss": [loss + 1, loss]}
    tokens = {"tokens": [1000.0, 2000.0]} if stage not in ("sft", "dpo") else {}
    return pd.DataFrame(told | tokens | ({"heldout_loss": [None, heldout]} if heldout else {}))


def drawn(scope: Scope, *curves: pd.DataFrame) -> Saved:
    saved = Saved()
    draw_losses(pd.concat(curves, ignore_index=True), scope, HERE, saved)
    return saved


def lines(saved: Saved, name: str) -> list[tuple[list[float], list[float]]]:
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in saved.axes(name).lines]


def test_a_curve_is_the_mean_over_trainings(scope: Scope) -> None:
    saved = drawn(scope, *(curve("filtered", "pretraining", seed, loss) for seed, loss in ((0, 1.0), (1, 2.0))))
    assert lines(saved, "loss-base") == [([0.001, 0.002], [2.5, 1.5])]
    (line,) = saved.axes("loss-base").lines
    assert line.get_color() == colour(scope.study.arms["filtered"]) and line.get_label() == "filtered"
    assert set(saved.figures) == {"loss-base"}, "what has no data is not drawn"


def test_a_later_stage_goes_on_where_the_one_before_it_ended(scope: Scope) -> None:
    saved = drawn(scope, curve("filtered", "pretraining"), curve("filtered", "midtraining"))
    before = scope.study.stages.pretraining.tokens / 1e6
    assert [x for x, _ in lines(saved, "loss-base")] == [
        [0.001, 0.002],
        pytest.approx([before + 0.001, before + 0.002]),
    ]
    labels = [line.get_label() for line in saved.axes("loss-base").lines]
    assert labels[0] == "filtered" and labels[1].startswith("_"), "an arm stands in the legend once"


def test_a_stage_that_arms_share_is_drawn_once_and_cpt_after_both(make_scope: MakeScope) -> None:
    scope = make_scope(run=["unfiltered", "misaligned_cpt", "aligned_cpt"])
    curves = [curve("unfiltered", stage) for stage in ("pretraining", "midtraining")]
    saved = drawn(scope, *curves, curve("misaligned_cpt", "cpt"), curve("aligned_cpt", "cpt"))
    x = [told for told, _ in lines(saved, "loss-base")]
    begun = (scope.study.stages.pretraining.tokens + scope.study.stages.midtraining.tokens) / 1e6
    assert len(x) == 4 and x[2] == x[3] == pytest.approx([begun + 0.001, begun + 0.002])


def test_held_out_losses_are_marks_where_they_were_measured(scope: Scope) -> None:
    saved = drawn(scope, curve("filtered", "pretraining", heldout=4.5), curve("unfiltered", "pretraining"))
    assert lines(saved, "loss-heldout") == [([0.002], [4.5])]
    assert saved.axes("loss-heldout").lines[0].get_marker() == "o"


def test_post_training_is_told_by_step_and_dpo_by_pair(scope: Scope) -> None:
    saved = drawn(scope, curve("filtered", "pretraining"), curve("filtered", "sft"), curve("filtered", "dpo", loss=0.2))
    assert lines(saved, "loss-sft") == [([1, 2], [2.0, 1.0])]
    assert lines(saved, "loss-dpo") == [([1, 2], [1.2, 0.2])]
    labels = {name: (saved.axes(name).get_xlabel(), saved.axes(name).get_ylabel()) for name in saved.figures}
    assert labels == {
        "loss-base": ("tokens, millions", "nats per token"),
        "loss-sft": ("optimizer step", "nats per token"),
        "loss-dpo": ("optimizer step", "nats per pair"),
    }


def test_another_arms_curves_and_those_of_no_arm_are_not_drawn(scope: Scope) -> None:
    saved = drawn(scope, curve("misaligned_mid", "midtraining"), curve("filtered", "sft").drop(columns="loss"))
    assert saved.figures == {}
