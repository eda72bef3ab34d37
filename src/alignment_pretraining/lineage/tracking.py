"""MLflow: one run for each command, and under it one for each (arm, seed, pipeline) and one for each arm's results.

Every call names its run, because MLflow's active run is lost when a runner uses other threads.
"""

import contextlib
import logging
import math
import os
import posixpath
import re
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.secrets import hide_passwords
from alignment_pretraining.core.spec import Spec
from alignment_pretraining.lineage.graph import NodePlace

# Limits of MLflow's REST interface (docs: "Log Batch"), which its stores share.
_METRICS_A_CALL = 1000
_PARAMS_A_CALL = 100
_NAME_LENGTH = 250
_VALUE_LENGTH = 500
_TAG_LENGTH = 5000
_DIGEST_LENGTH = 36  # a commit has 40

_NOT_IN_NAMES = re.compile(r"[^\w\-. /]")

_OF_COMMAND = "command.run"  # a tag: the run of the command to which a run belongs
SUMMARY = "summary"  # what stands for the pipeline of an arm's results; the namespace is the arm
OFF = "none"  # the value of MLFLOW_TRACKING_URI with which nothing is sent


def tracking_uri(root: Path) -> str | None:
    """MLFLOW_TRACKING_URI, else a SQLite file in the project; None when it is `none`.

    Raises:
        UserError: the variable holds a path without a scheme, which MLflow would take for a file store.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(root / 'mlflow.db').as_posix()}"
    if uri == OFF:
        return None
    if ":" not in uri and uri != "databricks":
        raise UserError(
            f"MLFLOW_TRACKING_URI={uri} has no scheme; write sqlite:///{uri}, http://host:port, "
            f"or {OFF} to go without MLflow"
        )
    return uri


class Command(Spec):
    """A command as MLflow is told of it; `id` is the same in all processes of one `dvc repro`, times are in ms."""

    id: str
    name: str
    experiment: str
    tags: dict[str, str]
    began: int


class Event(Spec):
    """Something to tell MLflow about a run: that of a pipeline and namespace, or the command's own without them.

    `content` has [name, value] pairs (params), [name, value, step] (metrics), [name, digest, path] (inputs),
    [text, file] (text), [folder, name] (files) or the status (end).
    """

    kind: Literal["params", "metrics", "inputs", "text", "files", "end"]
    pipeline: str | None
    namespace: str = ""
    content: Any
    when: int


def metric_name(name: str) -> str:
    """`name` as MLflow takes it: a relative path of letters, digits, `_`, `-`, `.` and spaces."""
    clean = posixpath.normpath(_NOT_IN_NAMES.sub("_", name)[:_NAME_LENGTH].replace("..", "__")).lstrip("/")
    return clean if clean not in ("", ".") else "_"


class CommandRun:
    """The MLflow run of one command and its children. A command that earlier processes began goes on in its run."""

    def __init__(self, uri: str, root: Path, command: Command) -> None:
        self._client = _client(uri, root)
        self._command = command
        self._tags = {key: hide_passwords(value)[:_TAG_LENGTH] for key, value in command.tags.items()}
        self._experiment = self._experiment_id(root)
        self._children: dict[NodePlace, str] = {}
        self._params: set[tuple[str, str]] = set()
        self._failed_before = False
        begun = self._find({"command.id": command.id})
        if begun:
            self._run = begun.info.run_id
            self._failed_before = begun.info.status == "FAILED"
            self._client.update_run(self._run, status="RUNNING")
        else:
            self._run = self._create(command.name, {"command.id": command.id}, command.began)

    def end_killed(self) -> None:
        """End what processes that were killed at this command's place left running. Only one command runs there."""
        for run in self._client.search_runs([self._experiment], _running_at(self._tags["place"])):
            if run.info.run_id != self._run and run.data.tags.get(_OF_COMMAND) != self._run:
                self._client.set_terminated(run.info.run_id, "KILLED")

    def run_id(self, pipeline: str | None, namespace: str, when: int | None = None) -> str:
        """Id of the command's run, or of that for a place's (arm, seed, pipeline), begun when there is none in it.

        Those of arms' results stand beside the command's, where MLflow shows and charts them at once; others below it.
        """
        if pipeline is None:
            return str(self._run)
        place = NodePlace(pipeline, namespace)
        arm, seed = (namespace, "-") if pipeline == SUMMARY else (place.arm, place.seed)
        key = NodePlace(pipeline, namespace if arm != "-" else "")
        if key not in self._children:
            own = {_OF_COMMAND: self._run, "arm": arm, "seed": seed, "pipeline": pipeline}
            begun = self._find(own)
            name = pipeline if arm == "-" else arm if seed == "-" else f"{arm} seed{seed} {pipeline}"
            below = {} if pipeline == SUMMARY else {"mlflow.parentRunId": self._run}
            self._children[key] = begun.info.run_id if begun else self._create(name, own | below, when)
        return self._children[key]

    def apply(self, event: Event) -> None:
        """Send an event. Sending it twice is the same as once."""
        if event.kind == "end":
            self._end(event.content, event.when)
            return
        run_id = self.run_id(event.pipeline, event.namespace, event.when)
        if event.kind == "params":
            self._log_params(run_id, event.content)
        elif event.kind == "metrics":
            self._log_metrics(run_id, event.content, event.when)
        elif event.kind == "inputs":
            self._log_inputs(run_id, event.content)
        elif event.kind == "files":
            folder, name = event.content
            if Path(folder).is_dir():  # what is sent later may be gone
                self._client.log_artifacts(run_id, folder, name)
        else:
            text, file = event.content
            self._client.log_text(run_id, hide_passwords(text), file)

    def _log_params(self, run_id: str, params: Iterable[tuple[str, Any]]) -> None:
        """Flat parameters, shortened; one that the run already has is left alone."""
        from mlflow.entities import Param

        named = ((metric_name(key), hide_passwords(str(value))[:_VALUE_LENGTH]) for key, value in params)
        new = {key: value for key, value in named if (run_id, key) not in self._params}
        for part in _parts([Param(key, value) for key, value in new.items()], _PARAMS_A_CALL):
            self._client.log_batch(run_id, params=part)
        self._params.update((run_id, key) for key in new)

    def _log_metrics(self, run_id: str, points: Iterable[tuple[str, float, int]], when: int) -> None:
        """Values that are no number are left out."""
        from mlflow.entities import Metric

        metrics = [Metric(metric_name(key), value, when, step) for key, value, step in points if math.isfinite(value)]
        for part in _parts(metrics, _METRICS_A_CALL):
            self._client.log_batch(run_id, metrics=part)

    def _log_inputs(self, run_id: str, datasets: Iterable[tuple[str, str, str]]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        context = [InputTag("mlflow.data.context", "input")]
        inputs = [
            DatasetInput(Dataset(name, digest[:_DIGEST_LENGTH], "local", path), context)
            for name, digest, path in datasets
        ]
        if inputs:
            self._client.log_inputs(run_id, inputs)

    def _end(self, status: str, when: int) -> None:
        """End the command's run and its children as FINISHED, FAILED or KILLED."""
        for run_id in self._children.values():
            self._client.set_terminated(run_id, status, when)
        failed_before = status == "FINISHED" and self._failed_before
        self._client.set_terminated(self._run, "FAILED" if failed_before else status, when)

    def _create(self, name: str, tags: Mapping[str, str], when: int | None) -> str:
        run = self._client.create_run(self._experiment, when, run_name=name, tags={**self._tags, **tags})
        return str(run.info.run_id)

    def _find(self, tags: Mapping[str, str]) -> Any:
        query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found = self._client.search_runs([self._experiment], query, max_results=1)
        return found[0] if found else None

    def _experiment_id(self, root: Path) -> str:
        name = self._command.experiment
        experiment = self._client.get_experiment_by_name(name)
        if experiment:
            return str(experiment.experiment_id)
        # Without a place of its own, MLflow would put artifacts below the current folder.
        local = (root / "mlruns").as_uri() if self._client.tracking_uri.startswith("sqlite:") else None
        return str(self._client.create_experiment(name, artifact_location=local))


def end_killed(uri: str, root: Path, place: str) -> int:
    """End the runs that commands which were killed at `place` left running, where none is at work; how many."""
    client = _client(uri, root)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    left = client.search_runs(experiments, _running_at(place))
    for run in left:
        client.set_terminated(run.info.run_id, "KILLED")
    return len(left)


def _running_at(place: str) -> str:
    """A query for the runs that are at work at a place, whose path may hold an apostrophe."""
    quote = '"' if "'" in place else "'"
    return f"attributes.status = 'RUNNING' and tags.place = {quote}{place}{quote}"


def _client(uri: str, root: Path) -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # MLflow's own patience is two minutes a call, and seven calls.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    from mlflow.tracking import MlflowClient

    # A page of the steps by which tables are made; tracebacks of errors that are raised too.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db").setLevel(logging.CRITICAL)
    database = root / "mlflow.db"
    if uri == f"sqlite:///{database.as_posix()}" and database.exists():
        _follow_move(database, root)
    return MlflowClient(uri)


def _follow_move(database: Path, root: Path) -> None:
    """Let artifacts be found where they are now, when the project was moved: MLflow keeps absolute places."""
    here = (root / "mlruns").as_uri()
    with contextlib.closing(sqlite3.connect(database, timeout=5)) as connection, connection:
        known = connection.execute("SELECT artifact_location FROM experiments WHERE artifact_location LIKE '%/mlruns'")
        for (there,) in set(known.fetchall()) - {(here,)}:
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? OR {column} LIKE ?",
                    (here, len(there) + 1, there, f"{there}/%"),
                )


def _parts(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
