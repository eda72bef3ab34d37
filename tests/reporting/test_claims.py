from pathlib import Path
from typing import Any

import pytest
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.reporting.claims import Claim, Claims, find_claim

CONF = Path(__file__).parents[2] / "conf/base"


@pytest.fixture(scope="module")
def claims() -> list[Claim]:
    return Claims.model_validate(yaml.safe_load((CONF / "claims.yml").read_text(encoding="utf-8"))["claims"]).root


def test_every_table_of_the_paper_is_there(claims: list[Claim]) -> None:
    counts: dict[tuple[Any, ...], int] = {}
    for claim in claims:
        key = (claim.version, claim.stage, claim.measure == "misalignment", claim.approximate)
        counts[key] = counts.get(key, 0) + 1
    assert counts == {
        ("V", "base", True, True): 16,
        ("V", "base", True, False): 4,
        ("V", "post", True, True): 20,
        ("D", "base", True, False): 8,
        ("D", "post", True, False): 16,
        ("D", "post", False, False): 28,
    }


def test_arms_and_personas_are_those_of_the_study_and_the_evaluation(claims: list[Claim]) -> None:
    arms = yaml.safe_load((CONF / "study.yml").read_text(encoding="utf-8"))["study"]["arms"]
    evaluation = yaml.safe_load((CONF / "parameters_evaluation.yml").read_text(encoding="utf-8"))["evaluation"]
    assert {claim.arm for claim in claims} <= set(arms)
    assert {claim.persona for claim in claims} <= {*evaluation["personas"], None}


def test_printed_and_measured_headline_agree(claims: list[Claim]) -> None:
    for printed in (c for c in claims if c.place == "headline in the text"):
        measured = find_claim(claims, version="V", arm=printed.arm, stage="base", split="articles", persona="assistant")
        assert measured is not None
        assert measured.approximate
        assert abs(measured.value - printed.value) <= measured.tolerance + printed.tolerance


def test_no_cell_is_given_twice_with_the_same_exactness(claims: list[Claim]) -> None:
    cells = [(c.version, c.arm, c.stage, c.measure, c.split, c.persona, c.tolerance) for c in claims]
    assert len(set(cells)) == len(cells)


def test_versions_do_not_mix(claims: list[Claim]) -> None:
    cell = {"arm": "unfiltered", "stage": "post", "split": "articles", "persona": "none"}
    rewritten, plain = find_claim(claims, version="V", **cell), find_claim(claims, version="D", **cell)
    assert rewritten and rewritten.value == 0.348
    assert plain and plain.value == 0.458
    assert find_claim(claims, version="V", arm="filtered_aligned_e2e", stage="base", split="articles") is None


def test_a_wrong_row_is_named() -> None:
    row = {
        "version": "V",
        "arm": "a",
        "stage": "base",
        "value": 45,
        "tolerance": 0.005,
        "approximate": False,
        "place": "p",
    }
    with pytest.raises(UserError, match=r"claims\.0\.value"):
        parse(Claims, [row], "claims.yml", "claims")
