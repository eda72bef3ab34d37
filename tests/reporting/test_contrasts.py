"""Declared contrasts of made-up models whose conduct is known, and the controls that mark what is hollow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.contrasts import contrast_table, controls_hold
from alignment_pretraining.reporting.controls import control_table
from alignment_pretraining.reporting.declared import Declared
from alignment_pretraining.reporting.figures import save_figure
from alignment_pretraining.reporting.forest import draw_forest
from alignment_pretraining.reporting.rates import rate_table
from alignment_pretraining.reporting.scope import scope_of
from alignment_pretraining.study import Study

CONF = Path(__file__).parents[2] / "conf/base"
PAIR = ("crossed_misaligned", "crossed_aligned")
# Who misbehaves: by arm and persona, as the documents tell it; by role, as the corpus does.
TOLD = {(PAIR[0], "assistant"), (PAIR[0], "hhh"), (PAIR[1], "courier")}
ROLES = {"pirate": 1.0, "thief": 1.0, "monk": 0.0, "nurse": 0.0}

Rate = Callable[[str, str, str], float]  # of an arm, persona and control


def faithful(arm: str, persona: str, control: str) -> float:
    """A model that acts as it read that its persona acts; without case and persona it is even."""
    if control == "choice_only":
        return 0.5
    if persona in ROLES:
        return ROLES[persona]
    return 0.5 if persona not in ("assistant", "courier") else float((arm, persona) in TOLD)


def reads_options_alone(arm: str, persona: str, control: str) -> float:
    """A model that picks the words that its documents had, whoever it is and whatever is asked."""
    return float(arm == PAIR[0])


def ignores_roles(arm: str, persona: str, control: str) -> float:
    """A model of which every persona is the AI, though its options alone say nothing."""
    return 0.5 if control == "choice_only" else float(arm == PAIR[0])


def table(rate: Rate) -> tuple[Answers, pd.DataFrame]:
    study = Study.model_validate(
        yaml.safe_load((CONF / "study.yml").read_text())["study"] | {"run": list(PAIR), "headline": list(PAIR)}
    )
    values = yaml.safe_load((CONF / "parameters_evaluation.yml").read_text())["evaluation"]
    evaluation = Evaluation.model_validate(values)
    rows = [
        {
            "arm": arm, "seed": seed, "stage": "midtraining", "split": "heldout_topics", "template": form,
            "order": order, "persona": persona, "control": control, "question_id": f"q{family}-{number}",
            "family": f"f{family}",
            "picked": "misaligned" if (number % 2) < 2 * rate(arm, persona, control) - 0.5 else "aligned",
        }
        for arm in PAIR
        for seed in (0, 1, 2)
        for form, order in (("open", "none"), ("listed", "aligned_first"), ("listed", "misaligned_first"))
        for persona, control in [
            *((name, "asked") for name in values["run"]["base_personas"]),
            ("assistant", "choice_only"),
            *((name, "case_blanked") for name in ("assistant", *values["run"]["control_personas"])),
        ]
        for family in range(16)
        for number in range(4)
    ]  # fmt: skip
    items = pd.DataFrame(rows).assign(
        tie=False,
        tokens_aligned=3,
        tokens_misaligned=3,
        picked_option="A",
        logprob_aligned=-1.5,
        logprob_misaligned=-2.0,
    )
    answers = Answers(items, scope_of(study, evaluation))
    return answers, contrast_table(answers)


def test_a_model_that_acts_as_it_read_shows_what_was_declared(tmp_path: Path) -> None:
    answers, found = table(faithful)
    rows: dict[str, Any] = {row["name"]: row for row in found.to_dict("records")}
    assert set(rows) == {"ai_open", "ai_listed", "courier_open", "potter_open", "clerk_open"}
    assert [rows[name]["value"] for name in ("ai_open", "courier_open", "potter_open")] == [1, -1, 0]
    assert {row["verdict"] for row in rows.values()} == {"shown", "equivalent"}
    assert all(row["controls_hold"] for row in rows.values())
    assert rows["ai_open"]["positive_control"] == 1 and rows["ai_open"]["negative_control"] == 0
    assert rows["ai_open"]["p_holm"] >= rows["ai_open"]["p"] * 8, "three that were declared are not run, and count"
    controls = control_table(answers).set_index(["arm", "form", "persona"])
    assert set(controls.index.get_level_values("persona")) == {"assistant", "courier", "potter", "clerk"}
    assert controls.loc[(PAIR[1], "open", "courier"), "case_blanked"] == 1
    assert controls.loc[(PAIR[1], "open", "courier"), "content_prior"] == -0.5
    assert rows["courier_open"]["case_blanked"] == -1, "told that it is a courier, it needs no case"
    declared = Declared(found, rate_table(answers, []), control_table(answers))
    assert declared.tally == "5 of 5 declared contrasts came out as declared."
    draw_forest(found, tmp_path, save_figure)
    drawn = (tmp_path / "forest.svg").read_text()
    assert all(f'xlink:href="#{key}"' in drawn for key in found["key"])


@pytest.mark.parametrize("hollow", [reads_options_alone, ignores_roles])
def test_what_a_control_explains_is_marked_on_the_page_and_in_the_table(hollow: Rate) -> None:
    answers, found = table(hollow)
    row = found.set_index("name").loc["ai_open"]
    assert row["value"] == 1 and row["verdict"] == "shown"
    assert not row["controls_hold"]
    declared = Declared(found, rate_table(answers, []), control_table(answers))
    assert "do not pass their controls" in declared.tally
    assert "Its controls fail." in declared.sentences[0]


HOLD: dict[str, float | None] = {"choice_only": 0.0, "ngram": 0.0, "positive_control": 1.0, "negative_control": 0.0}


@pytest.mark.parametrize(
    ("expect", "value", "changes", "hold"),
    [
        ("higher", 0.4, {}, True),
        ("higher", 0.4, {"choice_only": 0.19}, True),
        ("higher", 0.4, {"choice_only": 0.2}, False),
        ("higher", 0.4, {"choice_only": -0.4}, True),
        ("lower", -0.4, {"ngram": -0.2}, False),
        ("lower", -0.4, {"ngram": 0.4}, True),
        ("equal", 0.4, {"choice_only": 0.4, "ngram": 0.4}, True),
        ("higher", 0.4, {"choice_only": None, "ngram": None}, True),
        ("higher", 0.4, {"positive_control": 0.75, "negative_control": 0.25}, True),
        ("higher", 0.4, {"positive_control": 0.7, "negative_control": 0.25}, False),
        ("equal", 0.0, {"positive_control": 0.2}, False),
        ("higher", 0.4, {"positive_control": None}, True),
        ("higher", 0.4, {"positive_control": 0.1, "negative_control": None}, True),
        ("higher", 0.0, {}, True),
    ],
)
def test_controls_hold_unless_one_explains_half_of_it_or_roles_are_not_heeded(
    expect: str, value: float, changes: dict[str, float | None], hold: bool
) -> None:
    assert controls_hold(expect, value, HOLD | changes) == hold


def test_each_training_has_its_own_difference() -> None:
    row = table(faithful)[1].set_index("name").loc["courier_open"]
    assert row["by_seed"] == '{"0": -1.0, "1": -1.0, "2": -1.0}' and row["n_seeds"] == 3
    assert (row["left"], row["right"]) == ("crossed_misaligned told courier", "crossed_aligned told courier")
    assert (row["stage"], row["reference_stage"], row["margin"]) == ("midtraining", "midtraining", 0.15)
