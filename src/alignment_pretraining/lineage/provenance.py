"""What the report's page reads from a file among the records: who made it, when, and where MLflow has it.

The page itself holds nothing of that, so that the same results give the same bytes.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from alignment_pretraining.core.files import write_text
from alignment_pretraining.core.secrets import hide_passwords
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.records import Record, records_folder

REPORT, FIGURES = "report", "figures"
PAGE = {REPORT: "report.html", "plotly": "plotly.min.js"}  # what MLflow has of it, side by side as here
_LOCAL = "http://127.0.0.1:5000"  # where `mlflow ui` listens


def write_provenance(graph: Graph, record: Record, run: str | None, uri: str | None) -> None:
    """Write what the record of the report says into `lineage/report.js`, where the page looks for it, and the command's
    MLflow run, which has the page and its figures."""
    text = f"window.lineage = {json.dumps(told(graph.root, record, run, uri), indent=1, ensure_ascii=False)};\n"
    write_text(graph.root / records_folder(graph.env) / "report.js", text.replace("</", "<\\/"))


def told(root: Path, record: Record, run: str | None, uri: str | None) -> dict[str, Any]:
    """Commit and its date, environment, time, MLflow run, and the hashes of the tables that the page was made from."""
    server = hide_passwords(uri).rstrip("/") if uri and uri.startswith("http") else _LOCAL
    return {
        "commit": record.commit_state,
        "committed": _date(root, record.commit),
        "env": record.env,
        "when": record.when,
        "run": run,
        "run_url": f"{server}/#/runs/{run}" if run else None,
        "tables": record.inputs,
    }


def _date(root: Path, commit: str | None) -> str:
    """The day of a commit, "" where git does not know it."""
    if not commit:
        return ""
    command = ["git", "show", "--no-patch", "--format=%cs", commit]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
