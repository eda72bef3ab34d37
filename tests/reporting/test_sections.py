"""What sections of the page say: the headline, the paper's effects and figures, and what was not asked."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.claims import CAPABILITIES, Claim
from alignment_pretraining.reporting.effects import EFFECTS, Effect, cells
from alignment_pretraining.reporting.gaps import GAP_COLUMNS, gap_key
from alignment_pretraining.reporting.numbers import MISSING
from alignment_pretraining.reporting.results import Results
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.sections import (
    capability_claims,
    effect_rows,
    headline,
    left_out,
    paper_rows,
    persona_name,
    verdict_counts,
)
from tests.reporting.small import MINUS, rate_rows

MakeScope = Callable[..., Scope]
NONE = pd.DataFrame(columns=list(GAP_COLUMNS))
POST = {"base": [0, 1], "post_training": [0]}
CLAIM: dict[str, Any] = {
    "version": "V", "arm": "aligned_e2e", "stage": "base", "split": "articles", "persona": "assistant", "value": 0.091,
    "tolerance": 0.003, "approximate": True, "place": "figure 2",
}  # fmt: skip


def results(scope: Scope, gaps: pd.DataFrame = NONE) -> Results:
    return Results(rate_rows(scope), gaps, NONE, NONE, scope)


def claim(**changes: Any) -> Claim:
    return Claim.model_validate(CLAIM | changes)


def gap_of(effect: Effect, scope: Scope, gap: float, p: float = 0.001) -> pd.DataFrame:
    sides = cells(effect, scope)
    assert sides
    key = gap_key(*sides, effect.split, scope.form)
    row = {"key": key, "rate": 0.5 + gap, "reference_rate": 0.5, "gap": gap, "low": gap - 0.1, "high": gap + 0.1}
    return pd.DataFrame([row | {"p_holm": p}])


def test_the_headline_has_the_headline_arms_on_the_first_suite_the_baseline_first(make_scope: MakeScope) -> None:
    scope = make_scope(run=["unfiltered", "filtered", "aligned_e2e"], headline=["filtered", "unfiltered"])
    told = headline(results(scope))
    assert [arm for arm, _ in told] == ["unfiltered", "filtered"]
    assert {number.key.split("/")[3] for _, number in told} == {"articles"}


def test_a_study_without_its_headline_arms_shows_all_that_it_ran(make_scope: MakeScope) -> None:
    told = headline(results(make_scope(run=["aligned_mid"], headline=["unfiltered"])))
    assert [arm for arm, _ in told] == ["aligned_mid"]


def find(rows: list[dict[str, Any]], comparison: str, version: str = "V") -> dict[str, Any]:
    """The first of them: base models stand before post-trained ones."""
    wanted = (comparison, version, "Articles")
    return next(one for one in rows if (one["comparison"], one["version"], one["split"]) == wanted)


LOWER = "aligned_e2e lower than unfiltered"


@pytest.mark.parametrize(
    ("gap", "p", "verdict", "label"),
    [
        (-0.3, 0.001, "shows", "shows"),
        (-0.3, 0.2, "not clear", "does not show"),
        (0.3, 0.001, "opposite", "opposite"),
        (-0.05, 0.001, "not clear", "does not show"),
    ],
)
def test_an_effect_is_told_with_our_gap_and_a_label(
    scope: Scope, gap: float, p: float, verdict: str, label: str
) -> None:
    effect = next(one for one in EFFECTS if one.left.arm == "aligned_e2e" and one.split == "articles")
    row = find(effect_rows(results(scope, gap_of(effect, scope, gap, p)), []), LOWER)
    assert (row["verdict"], row["label"]) == (verdict, label)
    assert row["gap"].text.replace(MINUS, "-") == f"{gap:+.3f}"
    assert row["p"] == ("< 0.001" if p < 0.001 else f"{p:.3f}")


@pytest.mark.parametrize(("gap", "label"), [(0.02, "agrees: no clear difference"), (0.5, "differs")])
def test_an_expected_equality_agrees_or_differs(scope: Scope, gap: float, label: str) -> None:
    level = next(one for one in EFFECTS if one.direction == 0 and one.left.arm == "filtered")
    rows = effect_rows(results(scope, gap_of(level, scope, gap)), [])
    assert find(rows, "filtered after post-training level with filtered before post-training")["label"] == label


def test_without_a_gap_an_effect_was_not_run(scope: Scope) -> None:
    rows = effect_rows(results(scope), [])
    assert {(row["verdict"], row["label"], row["gap"], row["p"]) for row in rows} == {
        ("not run", "not run", None, MISSING)
    }
    assert verdict_counts(rows) == {"not run": len(EFFECTS)}


def test_sides_are_named_by_what_differs_between_them(scope: Scope) -> None:
    told = {row["comparison"] for row in effect_rows(results(scope), [])}
    assert "misaligned_e2e higher than unfiltered" in told
    assert "aligned_e2e after post-training higher than aligned_e2e before post-training" in told
    assert "aligned_e2e (HHH assistant) lower than aligned_e2e (no persona)" in told


def test_the_papers_values_stand_by_side_with_a_tilde_where_they_were_measured(scope: Scope) -> None:
    claims = [claim(), claim(arm="unfiltered", value=0.45, tolerance=0.005, approximate=False)]
    claims.append(claim(version="D", arm="filtered", persona=None, value=0.2, approximate=False))
    rows = effect_rows(results(scope), claims)
    assert find(rows, LOWER)["paper"] == "~0.091 against 0.45", "as many digits as were printed"
    assert find(rows, "filtered lower than unfiltered")["paper"] == f"{MISSING} against 0.45"
    assert find(rows, "filtered lower than unfiltered", "D")["paper"] == f"0.200 against {MISSING}"


def test_a_rate_stands_beside_the_papers_of_one_version(scope: Scope) -> None:
    claims = [claim(sem=0.004), claim(version="D", persona=None, value=0.2, approximate=False)]
    (v,), (d,) = (paper_rows(results(scope), claims, version) for version in ("V", "D"))
    assert (v["arm"], v["model"], v["split"], v["persona"]) == ("aligned_e2e", "base", "Articles", "AI assistant")
    assert (v["paper"], v["sem"], v["ours"].text, v["place"]) == ("~0.091", "0.004", "0.500", "figure 2")
    assert (d["persona"], d["paper"], d["sem"]) == ("not stated", "0.200", MISSING)


def test_the_papers_benchmarks_are_those_of_arms_of_this_study(scope: Scope) -> None:
    names = ("mmlu", "piqa", "misalignment")
    claims = [claim(measure=name, stage="post", persona=None, split=None) for name in names]
    claims += [claim(measure="mmlu", arm=arm, value=0.5) for arm in ("unfiltered", "filtered_aligned_cpt")]
    found = capability_claims(claims, scope)
    assert [(row["arm"], row["version"], sorted(row["values"])) for row in found] == [
        ("aligned_e2e", "V", ["mmlu", "piqa"]),
        ("unfiltered", "V", ["mmlu"]),
    ]
    assert set(names[:2]) <= set(CAPABILITIES) and found[1]["values"]["mmlu"] == "~0.500"


def test_nothing_is_left_out_of_a_full_grid(make_scope: MakeScope) -> None:
    everything = make_scope(
        {"templates": ["open", "listed", "plain", "case", "options_first", "instructed"],
         "items": {"articles": None, "textbook": None, "heldout_topics": None}},
        run="all", seeds={"base": [0], "post_training": [0]},
    )  # fmt: skip
    personas = list(everything.evaluation["personas"])
    run = everything.evaluation["run"] | {"base_personas": personas, "chat_personas": personas}
    full = Scope(everything.study, everything.evaluation | {"run": run, "scoring": "letter"}, everything.checkpoints)
    assert left_out(results(full)) == []


def test_what_was_not_asked_is_said(make_scope: MakeScope) -> None:
    items = {"articles": 12, "mine": 3, "textbook": None}
    asked = {"templates": ["plain"], "orders": ["misaligned_first"], "items": items}
    lines = "\n".join(left_out(results(make_scope(asked, run=["unfiltered", "filtered"], seeds=POST))))
    assert "5 of 6 templates: open, listed, case, options_first, instructed." in lines
    assert "Base models were not given these personas: no persona, HHH assistant, courier" in lines
    assert "Post-trained models were not given these personas: AI assistant, courier" in lines
    assert "One order of the options only (misaligned_first)" in lines
    assert "Articles: at most 12 questions" in lines and "mine: at most 3 questions" in lines
    assert "Textbook: at most" not in lines and "Whole suites: Held-out topics." in lines
    assert "Letter scoring and generated answers" in lines
    assert "11 of the study's 13 arms were not trained: misaligned_e2e" in lines
    assert "Post-training of seeds other than 0." in lines


def test_a_persona_of_the_users_own_keeps_its_name() -> None:
    assert persona_name("clockmaker") == "clockmaker" and persona_name("none") == "no persona"


def test_post_trained_models_of_the_paper_had_no_persona_unless_one_is_named(scope: Scope) -> None:
    claims = [claim(arm="filtered", stage="post", persona=persona, value=value) for persona, value in
              (("hhh", 0.1), ("none", 0.2), ("assistant", 0.3))]  # fmt: skip
    rows = effect_rows(results(scope), claims)
    assert find(rows, "filtered (HHH assistant) lower than filtered (no persona)")["paper"] == "~0.100 against ~0.200"
    assert find(rows, "filtered after post-training level with filtered before post-training")["paper"] == (
        f"~0.200 against {MISSING}"
    )
