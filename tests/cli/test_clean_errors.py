"""What a user can fix is one message with exit code 1."""

import pytest

from tests.lineage.lineage_project import Project

COMMANDS = {
    "unknown pipeline": (["run", "--pipelines", "evil"], "Failed to find the pipeline named 'evil'"),
    "unknown namespace": (["run", "--namespaces", "c"], "c"),
    "missing raw data": (["run", "--pipelines", "mixing"], "words: there is nothing at data/01_raw/words.txt"),
    "runner without hooks": (["run", "--runner", "ParallelRunner"], "ParallelRunner leaves no records"),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_one_message(toy: Project, kind: str) -> None:
    command, message = COMMANDS[kind]
    if kind == "missing raw data":
        (toy.root / "data/01_raw/words.txt").unlink()
    said = toy("kedro", *command, code=1)
    assert message in said
    assert "Traceback" not in said
    assert not (toy.root / "mlflow.db").exists()


IMPORT = "from alignment_pretraining.core.errors import UserError\n"


def test_user_error_in_a_node(toy: Project) -> None:
    nodes = "src/toy/nodes.py"
    toy.replace(nodes, 'return split(words, tokens["lower"])', "raise UserError('words.txt: line 3 is bad')")
    toy.replace(nodes, "import json", f"{IMPORT}import json")
    said = toy("kedro", "run", code=1)
    assert "Error: words.txt: line 3 is bad" in said
    assert "Traceback" not in said


def test_user_error_while_pipelines_are_built(toy: Project) -> None:
    registry = "src/toy/pipeline_registry.py"
    toy.replace(registry, "def place", "raise UserError('study.arms.c: unknown arm')\n    def place")
    toy.replace(registry, "from functools", f"{IMPORT}from functools")
    for command in (["run"], ["dvc"], ["registry", "list"]):
        said = toy("kedro", *command, code=1)
        assert "study.arms.c: unknown arm" in said
        assert "Traceback" not in said
