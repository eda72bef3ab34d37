"""Keys that the shell completes after `kedro trace`."""

import json
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from alignment_pretraining.cli.completion import complete_key
from alignment_pretraining.cli.trace import trace


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two environments with tables and questions."""
    for data in (tmp_path / "data", tmp_path / "environments/mine/data"):
        (data / "08_reporting").mkdir(parents=True)
        (data / "05_model_input/suite").mkdir(parents=True)
    tables = tmp_path / "data/08_reporting"
    (tables / "rates.csv").write_text('key,rate\n"rate/a, b",0.5\nrate/\u00e9,0.25\n', encoding="utf-8")
    (tables / "gaps.csv").write_text("key,gap\ngap/a,0.5\n")
    (tables / "curves.csv").write_text("step,loss\n1,0.5\n")
    (tables / "empty.csv").write_text("")
    lines = [json.dumps({"question_id": name, "prompt": "x"}) for name in ("articles-1", "textbook-\u00fc")]
    (tmp_path / "data/05_model_input/suite/base.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "environments/mine/data/08_reporting/rates.csv").write_text("key,rate\nrate/mine,0.5\n")
    return tmp_path


def completed(root: Path, incomplete: str, env: str | None = None) -> list[str]:
    context = click.Context(trace, obj=SimpleNamespace(project_path=root))
    context.params = {"env": env}
    return [item.value for item in complete_key(context, trace.params[1], incomplete)]


@pytest.mark.parametrize(
    ("incomplete", "keys"),
    [
        ("", ["item/", "gap/a", "rate/a, b", "rate/\u00e9"]),
        ("rate/", ["rate/a, b", "rate/\u00e9"]),
        ("it", ["item/"]),
        ("item/", ["item/articles-1", "item/textbook-\u00fc"]),
        ("item/t", ["item/textbook-\u00fc"]),
        ("none", []),
    ],
)
def test_keys_of_every_table_and_questions_of_the_suite_are_completed(
    incomplete: str, keys: list[str], study: Path
) -> None:
    assert completed(study, incomplete) == keys


def test_keys_are_those_of_the_environment_that_is_named(study: Path) -> None:
    assert completed(study, "rate", "mine") == ["rate/mine"]
    assert completed(study, "item/a", "mine") == []
    assert completed(study, "rate", "base") == completed(study, "rate")


def test_a_study_that_has_not_run_completes_nothing_but_questions_beginning(tmp_path: Path) -> None:
    assert completed(tmp_path, "") == ["item/"]
    assert completed(tmp_path, "item/") == []


def test_outside_of_a_project_keys_are_looked_for_in_the_folder_at_hand(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study)
    context = click.Context(trace)
    assert [item.value for item in complete_key(context, trace.params[1], "gap")] == ["gap/a"]


def test_the_command_itself_asks_for_these(study: Path) -> None:
    (keys,) = [one for one in trace.params if one.name == "keys"]
    context = click.Context(trace, obj=SimpleNamespace(project_path=study))
    assert [item.value for item in keys.shell_complete(context, "gap")] == ["gap/a"]
