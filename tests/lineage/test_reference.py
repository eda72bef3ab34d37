"""Whoever runs the study learns whether it came out as the reference, and where they part first."""

from tests.lineage.lineage_project import Project


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
