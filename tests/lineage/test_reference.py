"""Whoever runs the study learns whether it came out as the reference, and where they part first."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage import reference as module
from alignment_pretraining.lineage.reference import (
    ReferenceContrast,
    ReferenceStudy,
    compare,
    read_reference,
    reference_path,
    write_reference,
)
from tests.lineage.lineage_project import Project
from tests.lineage.small_graph import COMMIT, MACHINE, Small


def test_a_study_that_runs_again_is_bitwise_the_reference(run_toy: Project) -> None:
    assert "there is no references/base/" in run_toy("kedro", "reference", code=1)
    assert "wrote references/base/" in run_toy("kedro", "reference", "--write")
    run_toy("kedro", "run", "--force")
    assert "bitwise equal: all 10 outputs" in run_toy("kedro", "reference")
    assert "bitwise equal: all 10 outputs" in run_toy("kedro", "summary")
    weights = run_toy.root / "data/models/a/seed0/pretraining/weights.json"
    weights.write_bytes(weights.read_bytes() + b" ")
    said = run_toy("kedro", "reference", code=1)
    assert "the content of data/models/a/seed0/pretraining changed" in said and "bitwise" not in said


def test_where_another_machine_parts_first(run_toy: Project) -> None:
    run_toy("kedro", "reference", "--write")
    [own] = (run_toy.root / "references/base").iterdir()
    own.rename(own.with_name("another-processor.json"))
    run_toy.replace(
        "src/toy/nodes.py", 'stage["rate"] + seed', 'stage["rate"] + seed + (1e-9 if name[0] == "a" else 0)'
    )
    run_toy("kedro", "run")
    said = run_toy("kedro", "reference")
    assert "6 of 10 outputs are bitwise equal" in said
    assert "the first that differ: a.seed0.pretraining.checkpoint" in said


def test_another_study_is_not_called_a_difference(run_toy: Project) -> None:
    run_toy("kedro", "reference", "--write")
    run_toy.replace("conf/base/parameters.yml", "rate: 0.5", "rate: 0.7")
    run_toy("kedro", "run")
    assert "1 settings differ, the first: study.stages.pretraining.rate was 0.5, now 0.7" in run_toy(
        "kedro", "reference"
    )


def test_a_reference_is_of_clean_commits(run_toy: Project) -> None:
    run_toy.replace("src/toy/text.py", "lower()", "casefold()")
    run_toy("kedro", "run")
    assert "made by no clean commit" in run_toy("kedro", "reference", "--write", code=1)
    run_toy.write("references/base/another-processor.json", "{")
    assert "is not a reference" in run_toy("kedro", "summary", code=1)


def test_a_reference_is_what_the_records_say_and_is_read_back(run_small: Small) -> None:
    path = write_reference(run_small.graph)
    assert path == reference_path(run_small.graph)
    found = read_reference(run_small.graph)
    assert found is not None
    assert (found.commit, found.machine, found.params) == (COMMIT, MACHINE, run_small.params)
    assert set(found.outputs) == {"tokens", "rates", "a.seed0.pretraining.checkpoint", "b.seed0.pretraining.checkpoint"}
    assert compare(run_small.graph, found) == [
        "bitwise equal: all 4 outputs (commit 0123456789, a processor, 2026-11-29)"
    ]
    before = path.read_bytes()
    assert write_reference(run_small.graph).read_bytes() == before
    assert json.loads(before) == json.loads(json.dumps(json.loads(before), sort_keys=True))


def test_files_that_drifted_are_no_reference(run_small: Small) -> None:
    run_small.make("tokens", "edited")
    with pytest.raises(UserError, match=r"the content of data/tokens\.json changed"):
        write_reference(run_small.graph)


@pytest.mark.parametrize("changes", [{"dirty": True}, {"commit": None}])
def test_a_step_of_no_clean_commit_is_named(small: Small, changes: dict[str, Any]) -> None:
    small.run()
    small.params["tokens"] = {"lower": False}
    small.run("corpus.tokenize", **changes)
    with pytest.raises(UserError) as error:
        write_reference(small.graph)
    assert str(error.value) == (
        "corpus.tokenize was made by no clean commit, as a reference must be: commit, and kedro run --force"
    )


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"processor": "Intel(R) Xeon(R) CPU @ 2.20GHz"}, "intel-xeon-cpu-2-20ghz"),
        ({"processor": "AMD EPYC 7B13", "instructions": "avx2"}, "amd-epyc-7b13-avx2"),
        ({"processor": "../../etc"}, "etc"),
        ({"processor": "Größe™ 9"}, "gr-e-9"),
    ],
)
def test_each_processor_has_a_file_of_its_own(
    small: Small, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], name: str
) -> None:
    monkeypatch.setattr(module, "machine", lambda: told)
    assert reference_path(small.graph) == small.root / f"references/base/{name}.json"
    assert reference_path(Small(small.root, "gpu").graph).parent == small.root / "references/gpu"


def test_without_one_of_this_processor_another_is_taken(run_small: Small) -> None:
    assert read_reference(run_small.graph) is None
    own = write_reference(run_small.graph)
    found = read_reference(run_small.graph)
    for name in ("zzz.json", "aaa.json"):
        own.with_name(name).write_bytes(own.read_bytes())
    own.with_name("zzz.json").write_text("{")
    kept = own.with_name("aaa.json").read_bytes()
    own.with_name("aaa.json").write_text("{")
    assert read_reference(run_small.graph) == found, "that of this processor comes first"
    own.with_name("aaa.json").write_bytes(kept)
    own.unlink()
    assert read_reference(run_small.graph) == found
    own.with_name("aaa.json").write_text("{")
    with pytest.raises(
        UserError, match=r"aaa\.json is not a reference; take it back from git: git checkout .*aaa\.json"
    ):
        read_reference(run_small.graph)


def _reference(small: Small, **changes: Any) -> ReferenceStudy:
    """The finished study as a reference, in which outputs have other hashes."""
    write_reference(small.graph)
    found = read_reference(small.graph)
    assert found is not None
    outputs = found.outputs | {name: "0" * 32 for name in changes.pop("apart", ())}
    return found.model_copy(update={"outputs": outputs, **changes})


def test_where_all_that_was_read_is_equal_they_part_first(run_small: Small) -> None:
    made_by = "commit 0123456789, a processor, 2026-11-29"
    apart = ("a.seed0.pretraining.checkpoint", "rates")
    assert compare(run_small.graph, _reference(run_small, apart=apart)) == [
        f"2 of 4 outputs are bitwise equal ({made_by});",
        "the first that differ: a.seed0.pretraining.checkpoint",
    ]
    (first, second) = compare(run_small.graph, _reference(run_small, apart=(*run_small.graph.study_outputs,)))
    assert first.startswith("0 of 4") and second == "the first that differ: tokens"


def test_other_settings_are_told_before_other_results(run_small: Small) -> None:
    params = {"tokens": {"lower": False}, "stage": {"rate": 0.7}, "study": {"name": "toy"}}
    assert compare(run_small.graph, _reference(run_small, apart=("rates",), params=params)) == [
        "another study than that of commit 0123456789, a processor, 2026-11-29: 2 settings differ, the first: "
        "tokens.lower was false, now true"
    ]
    assert compare(run_small.graph, _reference(run_small, params=params))[0].startswith("bitwise equal")


def test_contrasts_are_compared_with_the_references_intervals(run_small: Small, tmp_path: Path) -> None:
    run_small.add("reporting.contrasts", ["rates"], ["contrasts"], pipeline="reporting")
    run_small.paths["contrasts"] = "data/contrasts.csv"
    run_small.run()
    table = pd.DataFrame({"name": ["c", "d", "new"], "value": [0.3, 0.9, 1], "low": [0.0] * 3, "high": [1.0] * 3})
    kept = {
        name: ReferenceContrast(value=value, low=0.1, high=0.5) for name, value in (("c", 0.25), ("d", 0.4), ("e", 0))
    }
    graph = run_small.graph
    graph.catalog = DataCatalog({"contrasts": MemoryDataset(table)})  # type: ignore[misc]
    reference = ReferenceStudy(
        machine=MACHINE,
        libraries={},
        commit=COMMIT,
        when="2026-11-29",
        params=run_small.params,
        contrasts=kept,
        outputs={},
    )
    assert compare(graph, reference)[-1] == (
        "contrasts: 1 of 2 within the reference's intervals; the largest difference is 0.50 (d)"
    )
