from pathlib import Path
from typing import Any

import pytest
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.reporting.claim_table import Cell, Measured, claim_rows
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
        ("V", None, False, False): 5,
        ("V", None, False, True): 1,
        ("V", "post", False, True): 1,
        ("D", None, False, False): 2,
        ("D", "base", True, False): 8,
        ("D", "post", True, False): 16,
        ("D", "post", False, False): 28,
    }


def test_arms_and_personas_are_those_of_the_study_and_the_evaluation(claims: list[Claim]) -> None:
    arms = yaml.safe_load((CONF / "study.yml").read_text(encoding="utf-8"))["study"]["arms"]
    evaluation = yaml.safe_load((CONF / "parameters_evaluation.yml").read_text(encoding="utf-8"))["evaluation"]
    assert {claim.arm for claim in claims} <= {*arms, None}
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


def test_each_figure_stands_beside_its_own_measure_and_versions_apart(claims: list[Claim]) -> None:
    of_v, of_d = Measured("ours", 0.445, (0.42, 0.47), (0.425, 0.465)), Measured("theirs", 0.9, (0.8, 1), (0.82, 0.98))
    measured = {
        Cell("misalignment", "unfiltered", "base", "articles", "assistant"): [of_v, of_d],
        Cell("flagged_pretraining", "filtered", None, None, None): [Measured("ours", 0.07)],
    }
    main = {"base": "assistant", "post": "none"}
    for version in ("V", "D"):
        rows = list(claim_rows(claims, version, measured, main))
        assert {row.claim.version for row in rows} == {version}
        assert len({id(row.claim) for row in rows}) == sum(claim.version == version for claim in claims)
    rows = [row for row in claim_rows(claims, "V", measured, main) if row.measured]
    said = [(row.claim.value, row.measured and row.measured.source, row.verdict) for row in rows]
    assert said == [
        (0.446, "ours", "equivalent"),
        (0.446, "theirs", "different"),
        (0.45, "ours", "equivalent"),
        (0.45, "theirs", "different"),
        (0.093, "ours", None),
    ]
    # D does not say its persona: the main one stands for it.
    (row, _) = [row for row in claim_rows(claims, "D", measured, main, margin=0.01) if row.measured]
    assert (row.claim.value, row.verdict) == (0.412, "undecided")
