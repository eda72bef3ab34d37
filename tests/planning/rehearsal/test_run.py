"""The end of a rehearsal: what it tells, and what it says of a failure. Its `kedro run` is a few lines of Python."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.rehearsal import run
from tests.planning.preflight.test_preflight import FOLDERS, parameters, written

RECORDS = """
from pathlib import Path
data = Path(DATA)
for name in ("a/seed0/a.seed0.train_cpt", "b/seed0/b.seed0.train_cpt", "corpus/-/corpus.read_corpus"):
    record = data / "lineage" / f"{name}.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text("{}")
"""
REPORT = """
(data / "08_reporting").mkdir(parents=True)
(data / "08_reporting/report.html").write_text("report")
"""


@pytest.fixture
def kedro(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Rehearses `english` in a folder, where `kedro run` is the given script."""
    asked: list[Any] = []

    def lay_out(root: Path, env: str, small: Mapping[str, Any], parameters: Parameters, folder: Path) -> list[str]:
        asked.append((env, dict(small)))
        return ["owner/texts"]

    @contextmanager
    def variables(folder: Path, parameters: Parameters) -> Iterator[dict[str, str]]:
        yield os.environ | {"PYTHONPATH": str(folder), "OUT": str(folder / "argv.json")}

    monkeypatch.setattr(run, "lay_out", lay_out)
    monkeypatch.setattr(run, "variables", variables)

    def rehearse(script: str, env: str = "english", spec: Parameters | None = None) -> run.Rehearsed:
        data = "data" if env == "base" else f"environments/{env}/data"
        told = "import json, os, sys\njson.dump(sys.argv[1:], open(os.environ['OUT'], 'w'))\n"
        (tmp_path / "kedro.py").write_text(told + script.replace("DATA", repr(data)))
        return run.rehearse(tmp_path, env, written(env), spec or parameters(env), FOLDERS.__getitem__, tmp_path)

    yield rehearse


def test_what_ran_is_told_by_the_records_that_its_nodes_left(kedro: Any, tmp_path: Path) -> None:
    found = kedro(RECORDS + REPORT)
    assert found.nodes == {"train_cpt": 2, "read_corpus": 1}
    assert found.arms == ["filtered", "misaligned_e2e", "aligned_e2e"]
    assert found.stood_in == ["owner/texts"] and found.left_out == [] and found.seconds > 0
    assert found.report == tmp_path / "environments/english/data/08_reporting/report.html"
    assert json.loads((tmp_path / "argv.json").read_text()) == ["run", "--env", "english"]


def test_base_is_run_without_naming_it(kedro: Any, tmp_path: Path) -> None:
    kedro(RECORDS + REPORT, "base")
    assert json.loads((tmp_path / "argv.json").read_text()) == ["run"]


def test_how_far_the_run_is_is_passed_on_and_all_that_it_says_is_kept(
    kedro: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["INFO study 3 of 17 nodes, 0:05 left", "a warning: \u00e9t\u00e9", "study is ready"]
    kedro(RECORDS + REPORT + f"for line in {lines!r}:\n    print(line)\n")
    assert capsys.readouterr().err.splitlines() == ["rehearsal of english: study 3 of 17 nodes, 0:05 left"]
    assert (tmp_path / "rehearsal.log").read_text().splitlines() == lines


def test_a_run_that_fails_is_told_by_its_last_lines(kedro: Any) -> None:
    script = (
        "for n in range(100):\n    print('line', n)\nprint('Error: words.txt is bad', file=sys.stderr)\nsys.exit(1)"
    )
    with pytest.raises(UserError) as error:
        kedro(script)
    told = str(error.value).splitlines()
    assert told[0] == "the rehearsal of english failed (--keep FOLDER keeps its files):"
    assert "  Error: words.txt is bad" in told and "  line 99" in told
    assert len(told) == 26 and "  line 3" not in told


def test_a_run_that_makes_no_report_is_no_rehearsal(kedro: Any) -> None:
    with pytest.raises(UserError, match=r"the rehearsal of english made no .*english/data/08_reporting/report\.html$"):
        kedro(RECORDS)


def test_a_study_that_is_short_of_something_is_not_begun(kedro: Any, tmp_path: Path) -> None:
    spec = parameters("english")
    short = spec.synthesis.model_copy(update={"mcqa": spec.synthesis.mcqa.model_copy(update={"count": 1})})
    with pytest.raises(UserError, match=r"conf/english: .*\n  midtraining: multiple choice: needs"):
        kedro(REPORT, spec=spec.model_copy(update={"synthesis": short}))
    assert not (tmp_path / "argv.json").exists()


def test_the_python_of_this_process_runs_it(kedro: Any, tmp_path: Path) -> None:
    kedro(RECORDS + REPORT + "print(sys.executable)\n")
    assert (tmp_path / "rehearsal.log").read_text().strip() == sys.executable
