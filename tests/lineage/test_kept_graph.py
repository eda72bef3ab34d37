"""A trace from what was kept of the graph says what one from the graph itself says."""

import shutil

from tests.lineage.lineage_project import Project


def test_a_trace_from_what_was_kept_is_the_same(run_toy: Project) -> None:
    command = ("kedro", "trace", "rate/a", "--json")
    shutil.rmtree(run_toy.root / ".cache")
    built = run_toy(*command)
    again = run_toy(*command, "--verify")
    assert run_toy(*command) == again == built
    kept = run_toy("python", "-X", "importtime", "-m", "kedro", *command[1:])
    assert "toy.nodes" not in kept and "omegaconf" in kept


def test_what_was_kept_does_not_outlive_its_files(run_toy: Project) -> None:
    assert "✓ all 5 files" in run_toy("kedro", "trace", "rate/a")
    for file, old, new in (
        ("conf/base/parameters.yml", "lower: true", "lower: false"),
        ("src/toy/text.py", "text.lower()", "text.upper()"),
        ("src/toy/pipeline_registry.py", "seed=0", "seed=1"),
    ):
        run_toy.replace(file, old, new)
        assert "not as their records say" in run_toy("kedro", "trace", "rate/a", code=1)
        run_toy.replace(file, new, old)
    run_toy("kedro", "trace", "rate/a")
