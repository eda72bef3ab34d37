"""The commands in this process, on this project: what they refuse and what they print."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project

from alignment_pretraining import cli as commands
from alignment_pretraining.cli import clean_errors, cli
from alignment_pretraining.core.errors import UserError
from tests.conftest import PROJECT

Call = Callable[..., Result]


@pytest.fixture
def call() -> Iterator[Call]:
    """A command as it is typed; what it raises is its result's `exception`."""
    metadata = bootstrap_project(PROJECT)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, obj=metadata)

    yield invoke
    logging.disable(logging.NOTSET)


def refused(result: Result) -> str:
    """What a user reads who typed the command."""
    assert result.exit_code == 1 and isinstance(result.exception, UserError), result.output
    return clean_errors.user_message(result.exception) or ""


def test_every_command_has_a_line_of_help() -> None:
    names = {"run", "dvc", "trace", "summary", "claims", "reference", "track", "plan", "rehearse", "inspect", "publish"}
    assert set(cli.commands) == names
    for command in cli.commands.values():
        assert command.get_short_help_str(200).strip()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trace",), "Missing argument"),
        (("trace", "rate/a", "rate/b"), "--diff compares two KEYs; without it, one KEY is traced"),
        (("trace", "--diff", "rate/a"), "--diff compares two KEYs; without it, one KEY is traced"),
        (("trace", "--mermaid", "item/a"), "--mermaid and --html are of the history of one number"),
        (("trace", "--html", "a.html", "document/a"), "--mermaid and --html are of the history of one number"),
        (("trace", "--html", "a.html", "--diff", "rate/a", "rate/b"), "--mermaid and --html are of the history"),
        (("inspect", "unfiltered", "sft"), "'sft' is not one of 'pretraining', 'midtraining', 'cpt'"),
        (("claims", "--margin", "0"), "0.0 is not in the range 0<x<=1"),
        (("claims", "--version", "W"), "'W' is not one of 'V', 'D'"),
        (("plan", "--pipelines", "mixing"), "'mixing' is not one of"),
        (("publish",), "Missing option '--to'"),
        (("plan", "--params", "study.name"), "must contain a key and a value separated by"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(arguments: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(cli, arguments, obj=SimpleNamespace(project_path=Path("nowhere")))
    assert result.exit_code == 2 and words in result.output


def test_an_environment_that_is_not_there_is_told_those_that_are(call: Call) -> None:
    told = refused(call("plan", "--env", "tset"))
    assert "conf/tset: no such environment (did you mean test?); there are base, dose" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none", "cpt"), "there is no arm none; the arms are unfiltered, filtered"),
        (("unfiltered", "cpt"), "unfiltered has no stage cpt; it has pretraining, midtraining"),
        (("filtered", "pretraining"), '(["unfiltered", "misaligned_mid"]) leaves out filtered; add it there to run it'),
        (("--seed", "7", "unfiltered", "pretraining"), "no seed 7 in study.seeds.base"),
    ],
)
def test_a_stream_that_the_study_does_not_have_is_refused_by_what_it_has(
    call: Call, arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(call("inspect", "--env", "test", *arguments))


def test_a_stream_that_is_not_made_yet_is_told_with_the_command_that_makes_it(call: Call) -> None:
    told = refused(call("inspect", "--env", "test", "misaligned_mid", "midtraining"))
    assert told == (
        "there is no misaligned_mid.seed0.midtraining.mix yet: kedro run --env test --pipelines synthesis,mixing"
    )


def test_a_plan_of_training_needs_a_machine_and_says_where_to_describe_one(call: Call) -> None:
    told = refused(call("plan", "--env", "test", "--pipelines", "pretraining"))
    assert told == "conf/test describes no cluster; try --env paper, or write conf/test/parameters_cluster.yml"


def test_a_plan_shows_what_is_needed_and_refuses_what_is_short(call: Call) -> None:
    enough = call("plan", "--env", "test")
    assert enough.exit_code == 0 and "asks no model and costs nothing" in enough.output
    assert "Preflight: what is needed, and what there is" in enough.output
    short = call("plan", "--env", "test", "--params", "study.stages.midtraining.mcqa_share=0.5")
    assert "midtraining: multiple choice: needs 8,192 tokens" in refused(short)
    assert "Preflight: what is needed, and what there is" in short.output, "the table comes first"


def test_a_reference_that_there_is_not_is_told_with_the_command_that_keeps_one(call: Call) -> None:
    told = refused(call("reference", "--env", "dose"))
    assert told.startswith("there is no references/dose/")
    assert told.endswith("; kedro reference --write --env dose keeps this study as one")


def test_the_export_for_dvc_is_what_the_repository_has(call: Call) -> None:
    result = call("dvc", "--check", "--env", "base")
    assert result.exit_code == 0 and result.output == "dvc.yaml is up to date\n"


def test_an_export_that_is_not_there_is_told_with_the_command_that_writes_it(call: Call) -> None:
    told = refused(call("dvc", "--check", "--env", "test"))
    assert told == (
        "environments/test/dvc.yaml is not what the pipelines and the catalog say; write it again: kedro dvc --env test"
    )


def test_namespaces_that_are_not_there_are_told_those_that_are(call: Call) -> None:
    def unknown(*names: str) -> str:
        context = click.Context(commands.run, obj=bootstrap_project(PROJECT))
        options: dict[str, Any] = {"namespaces": list(names), "env": "test", "params": {}}
        with context:
            return str(commands._unknown_namespace(options))

    told = unknown("unfiltred", "corpus")
    assert told.startswith("--namespaces: no unfiltred in the pipelines that were asked for; there are corpus, ")
    assert "leaves out filtered; add it there to run it" in unknown("filtered.seed0")
    assert unknown("corpus").startswith("--namespaces: no corpus in the pipelines that were asked for")
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("arguments", "runner"),
    [
        ([], commands.RUNNER),
        (["--force"], commands.EVERY_NODE),
        (["--force", "--runner", "SequentialRunner"], "SequentialRunner"),
    ],
)
def test_a_run_skips_what_is_up_to_date_unless_it_is_forced(
    arguments: list[str], runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr("alignment_pretraining.cli.kedro_run.callback", lambda **options: given.update(options))
    monkeypatch.setattr(commands, "leave_on_interrupt", lambda before: None)
    assert CliRunner().invoke(commands.run, arguments).exit_code == 0
    assert given["runner"] == runner and "force" not in given


def test_a_fault_of_a_run_that_is_not_about_namespaces_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**options: Any) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr("alignment_pretraining.cli.kedro_run.callback", fail)
    monkeypatch.setattr(commands, "leave_on_interrupt", lambda before: None)
    result = CliRunner().invoke(commands.run, ["--namespaces", "a"])
    assert isinstance(result.exception, ValueError) and str(result.exception) == "a fault"
