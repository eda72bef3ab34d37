"""MLflow as a passenger of a run: what it does not take within a while is kept in a file, and the run goes on."""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from alignment_pretraining.core.environments import data_folder, with_env
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.secrets import hide_passwords
from alignment_pretraining.lineage.graph import Graph, NodePlace
from alignment_pretraining.lineage.lock import RunLock
from alignment_pretraining.lineage.records import records_folder
from alignment_pretraining.lineage.tracking import OFF, Command, CommandRun, Event, end_killed, tracking_uri

T = TypeVar("T")

_log = logging.getLogger(__name__)

# Seconds that one call may take, and the first one, which may have to make the database on a busy machine.
PATIENCE, OPENING = 30.0, 120.0
_MOST_BYTES = 25_000_000  # of a folder that is copied to MLflow


class Tracker:
    """Tells MLflow of one command. After the first call that fails, nothing more is tried: events go to a file.

    With a file of an earlier process of the same command there, they go to it at once. Without `uri` nothing is kept.
    """

    def __init__(self, graph: Graph, command: Command, uri: str | None) -> None:
        self.uri = uri
        self._graph = graph
        self._command = command
        self._outbox = unsent_folder(graph.root, graph.env) / f"{command.id.replace(' ', '-')}.jsonl"
        self._run: CommandRun | None = None
        if uri and not self._outbox.exists():
            self._run = self._try(lambda: _open(uri, graph.root, command), OPENING)

    def run_id(self, place: NodePlace | None) -> str | None:
        """Id of a place's MLflow run, or of the command's; None when there is none."""
        run, where = self._run, (place.pipeline, place.namespace) if place else (None, "")
        return self._try(lambda: run.run_id(*where)) if run else None

    def params(self, place: NodePlace, params: Iterable[tuple[str, Any]]) -> None:
        """Flat parameters by name."""
        self._send("params", place, [[name, _plain(value)] for name, value in params])

    def metrics(self, place: NodePlace, points: Iterable[tuple[str, float, int]]) -> None:
        """Points as (name, value, step)."""
        self._send("metrics", place, [list(point) for point in points])

    def inputs(self, place: NodePlace, datasets: Iterable[tuple[str, str, str]]) -> None:
        """Input datasets as (name, digest, path)."""
        self._send("inputs", place, [list(dataset) for dataset in datasets])

    def text(self, place: NodePlace | None, text: str, file: str) -> None:
        """A text that is kept as an artifact of a place's run, or of the command's."""
        self._send("text", place, [text, file])

    def files(self, place: NodePlace | None, folder: Path, name: str) -> None:
        """The files of a folder, kept as artifacts below `name`; a large one, such as a large model, stays alone where
        it is, and the run that reads it has its place and hash."""
        if sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= _MOST_BYTES:
            self._send("files", place, [str(folder), name])

    def end(self, status: str) -> None:
        """End the command's run and its children as FINISHED, FAILED or KILLED."""
        self._send("end", None, status)

    def _send(self, kind: Any, place: NodePlace | None, content: Any) -> None:
        if not self.uri or not content:
            return
        where = (place.pipeline, place.namespace) if place else (None, "")
        event = Event(kind=kind, pipeline=where[0], namespace=where[1], content=content, when=milliseconds())
        run = self._run
        if run:
            self._try(lambda: run.apply(event))
        if not self._run:
            self._keep(event)

    def _try(self, call: Callable[[], T], seconds: float = PATIENCE) -> T | None:
        try:
            return within(seconds, call)
        except Exception as error:  # of any kind: the network's, the database's, MLflow's
            self._run = None
            _log.warning(
                "MLflow (%s) does not answer; the run goes on without it, and what it should know is kept: %s sends "
                "it later (MLFLOW_TRACKING_URI=%s goes without). It said: %s",
                hide_passwords(str(self.uri)),
                with_env("kedro track", self._graph.env),
                OFF,
                _first_line(error),
            )
            return None

    def _keep(self, event: Event) -> None:
        try:
            self._outbox.parent.mkdir(parents=True, exist_ok=True)
            with self._outbox.open("a", encoding="utf-8") as file:
                if not file.tell():
                    file.write(self._command.model_dump_json() + "\n")
                file.write(hide_passwords(event.model_dump_json()) + "\n")
        except OSError as error:
            _log.warning("%s: %s; MLflow will not know of this", self._outbox, error.strerror)
            self.uri = None


def send_kept(root: Path, env: str | None) -> list[str]:
    """Send what MLflow did not take while commands ran; returns the names of these commands.

    Raises:
        UserError: MLflow does not take it now either, is switched off, or a file is damaged.
    """
    uri = tracking_uri(root)
    if uri is None:
        raise UserError(f"MLFLOW_TRACKING_URI is {OFF}: there is nowhere to send to")
    names = []
    for path in sorted(unsent_folder(root, env).glob("*.jsonl")):
        try:
            # Not `splitlines`: a text may hold line ends that JSON leaves as they are, such as U+2028.
            first, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
            command = Command.model_validate_json(first)
            events = [Event.model_validate_json(line) for line in lines]
        except (ValidationError, ValueError) as error:
            raise UserError(f"{path} is damaged ({_first_line(error)}); delete it to go without") from error
        try:
            run = CommandRun(uri, root, command)
            for event in events:
                run.apply(event)
        except Exception as error:
            where = hide_passwords(uri)
            raise UserError(f"MLflow ({where}) does not answer; {path} is kept: {_first_line(error)}") from error
        path.unlink()
        names.append(command.name)
    return names


def end_what_was_killed(root: Path, env: str | None) -> int:
    """End what killed commands left running here, and follow a project that was moved; how many runs were ended.

    None where a command is at work, which has done so at its beginning.

    Raises:
        UserError: MLflow does not answer.
    """
    uri, lock = tracking_uri(root), RunLock(root / data_folder(env))
    if uri is None or not (root / data_folder(env)).is_dir():
        return 0
    try:
        lock.acquire()
    except UserError:
        return 0
    try:
        return within(OPENING, lambda: end_killed(uri, root, place_of(root, env)))
    except Exception as error:
        raise UserError(f"MLflow ({hide_passwords(uri)}) does not answer: {_first_line(error)}") from error
    finally:
        lock.release()


def place_of(root: Path, env: str | None) -> str:
    """Where the commands of an environment are at work, one at a time: machine and folder."""
    return f"{os.uname().nodename}:{root / data_folder(env)}"


def unsent_folder(root: Path, env: str | None) -> Path:
    """Where what MLflow did not take lies."""
    return root / records_folder(env) / "unsent"


def milliseconds() -> int:
    """The time now, as MLflow counts it."""
    return int(time.time() * 1000)


def within(seconds: float, call: Callable[[], T]) -> T:
    """The result of `call`, made in a thread that is left behind when it takes longer.

    Raises:
        TimeoutError: it took longer.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError as error:
        raise TimeoutError(f"no answer in {seconds:g} s") from error


def _open(uri: str, root: Path, command: Command) -> CommandRun:
    with (root / ".cache" / "mlflow.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # MLflow's tables are not made by two processes at once
        run = CommandRun(uri, root, command)
    run.end_killed()
    return run


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _first_line(error: BaseException) -> str:
    return hide_passwords(next(iter(str(error).splitlines()), type(error).__name__))[:300]
