"""What a user can fix is one message with exit code 1; what is a fault of the program keeps its traceback."""

import errno
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline, node

from alignment_pretraining.cli.clean_errors import leave_on_interrupt, show_user_errors_cleanly, user_message
from alignment_pretraining.core.errors import UserError
from tests.lineage.lineage_project import Project

Shown = pytest.CaptureFixture[str]

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


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """An error as it arrives: thrown, perhaps from another one."""
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_what_a_user_can_fix_is_told_however_deep_it_was_wrapped() -> None:
    user = UserError("words.txt: line 3 is bad")
    assert user_message(user) == "words.txt: line 3 is bad"
    inner = raised(RuntimeError("a worker failed"), user)
    assert user_message(raised(ValueError("outer"), inner)) == "words.txt: line 3 is bad"


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    assert user_message(raised(ValueError("a fault"))) is None
    assert user_message(raised(ValueError("outer"), KeyError("inner"))) is None
    assert user_message(KeyboardInterrupt()) is None


def test_an_error_that_only_arose_beside_a_users_is_a_fault_of_the_program() -> None:
    try:
        try:
            raise UserError("handled")
        except UserError:
            raise ValueError("a fault in what handles it")  # noqa: B904
    except ValueError as error:
        assert user_message(error) is None


def test_a_full_disk_is_told_with_its_file() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/it.parquet")
    assert (user_message(raised(DatasetError("Failed while saving"), full)) or "").startswith(
        "data/it.parquet: the disk"
    )


def test_what_kedro_says_of_names_and_configuration_is_told_as_it_says_it() -> None:
    with pytest.raises(ValueError) as unknown:
        Pipeline([node(len, "a", "b", name="one")]).only_nodes("two")
    assert "two" in (user_message(unknown.value) or "")
    with pytest.raises(DatasetError) as missing:
        DataCatalog().load("nothing")
    assert "nothing" in (user_message(missing.value) or "")


@pytest.fixture
def hook() -> Iterator[None]:
    """Python's own way of ending, which is put back."""
    before = sys.excepthook
    yield
    sys.excepthook = before


def test_an_uncaught_user_error_is_one_line_and_another_goes_where_it_went(
    hook: None, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    others: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, tb: others.append(error))
    show_user_errors_cleanly()
    user, fault = UserError("study.yml: x"), ValueError("a fault")
    for error in (user, fault):
        sys.excepthook(type(error), error, None)
    assert capsys.readouterr().err == "Error: study.yml: x\n"
    assert others == [fault]


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals' own handlers, which are put back; the codes with which the process would have ended."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    yield codes
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_asked_to_end_tells_its_hooks_and_leaves_as_a_shell_says_it(
    number: signal.Signals, handlers: list[int], capsys: Shown
) -> None:
    told: list[str] = []
    signal.signal(number, signal.SIG_DFL)
    leave_on_interrupt(lambda: told.append("ended"))
    signal.raise_signal(number)
    assert handlers == [128 + number] and told == ["ended"]
    assert "interrupted; rerun to resume" in capsys.readouterr().err
    assert signal.getsignal(number) is signal.SIG_DFL, "a second one ends it at once"


def test_signals_that_are_ignored_stay_so(handlers: list[int]) -> None:
    """As a shell has background jobs ignore Ctrl-C, and nohup a closed terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    leave_on_interrupt(lambda: None)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_terminal_that_is_gone_does_not_keep_the_hooks_from_being_told(
    handlers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Gone:
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

        def flush(self) -> None:
            raise OSError(errno.EIO, "Input/output error")

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    leave_on_interrupt(lambda: told.append("ended"))
    monkeypatch.setattr(sys, "stderr", Gone())
    signal.raise_signal(signal.SIGTERM)
    assert told == ["ended"] and handlers == [128 + signal.SIGTERM]
