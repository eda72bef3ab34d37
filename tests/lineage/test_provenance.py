"""What the report is told of its making is what its record says, and nothing that is secret."""

import json
from pathlib import Path

from alignment_pretraining.lineage.provenance import told, write_provenance
from alignment_pretraining.lineage.records import Record
from tests.lineage.small_graph import Small

RECORD = Record(
    node="reporting.write_report", inputs={"rates": "0123"}, outputs={"report": "4567"}, params={}, code={},
    libraries={}, env="base", commit=None, dirty=True, mlflow_run="abc", seconds=1, when="2026-11-29T09:00:00+00:00",
)  # fmt: skip


def test_a_run_on_this_machine(tmp_path: Path) -> None:
    said = told(tmp_path, RECORD, "command", "sqlite:///mlflow.db")
    assert said["run_url"] == "http://127.0.0.1:5000/#/runs/command"
    assert said["tables"] == {"rates": "0123"} and said["commit"] == "no commit + uncommitted changes"
    assert told(tmp_path, RECORD, None, None)["run_url"] is None


def test_a_server_is_named_without_its_password(tmp_path: Path) -> None:
    said = told(tmp_path, RECORD, "command", "https://me:hidden@server.example/")
    assert said["run_url"].endswith("@server.example/#/runs/command") and "hidden" not in json.dumps(said)


def test_the_day_of_a_commit_is_told(project: Path) -> None:
    assert told(project, RECORD.model_copy(update={"commit": "HEAD"}), None, None)["committed"].startswith("20")


def test_a_commit_that_git_does_not_know_has_no_day(tmp_path: Path, project: Path) -> None:
    named = RECORD.model_copy(update={"commit": "0" * 40, "dirty": False})
    for root in (tmp_path, project, tmp_path / "none"):
        said = told(root, named, None, None)
        assert (said["commit"], said["committed"]) == ("0" * 10, "")


def test_the_page_finds_it_as_a_script_that_no_name_can_end(small: Small) -> None:
    record = RECORD.model_copy(update={"env": "a</script><script>é", "inputs": {"rates": "</b>"}})
    write_provenance(small.graph, record, "run", "https://server.example")
    text = (small.root / "data/lineage/report.js").read_text(encoding="utf-8")
    assert text.startswith("window.lineage = {") and text.endswith("};\n")
    assert "</" not in text
    said = json.loads(text.removeprefix("window.lineage = ").removesuffix(";\n"))
    assert said["env"] == "a</script><script>é"
    assert said["run_url"] == "https://server.example/#/runs/run"
