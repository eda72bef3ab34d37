"""MLflow: one run for each command, and under it one for each (arm, seed, pipeline).

Every call names its run, because MLflow's active run is lost when a runner uses other threads.
"""

import math
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Place

# Limits of MLflow's REST interface (docs: "Log Batch"), which its stores share.
_METRICS_A_CALL = 1000
_PARAMS_A_CALL = 100
_PARAM_LENGTH = 500


def tracking_uri(root: Path) -> str:
    """MLFLOW_TRACKING_URI, else a SQLite file in the project.

    Raises:
        UserError: the variable holds a path without a scheme, which MLflow would take for a file store.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(root / 'mlflow.db').as_posix()}"
    if ":" not in uri and uri != "databricks":
        raise UserError(f"MLFLOW_TRACKING_URI={uri} has no scheme; write sqlite:///{uri} or http://host:port")
    return uri


class CommandRun:
    """The MLflow run of one command and its children; `resume` names a command that earlier processes began."""

    def __init__(
        self, uri: str, root: Path, experiment: str, name: str, tags: Mapping[str, str], resume: str | None
    ) -> None:
        from mlflow.tracking import MlflowClient

        self.uri = uri
        self._client = MlflowClient(uri)
        self._tags = dict(tags)
        self._experiment = self._experiment_id(experiment, root)
        self._children: dict[Place, str] = {}
        self._params: set[tuple[str, str]] = set()
        self._failed_before = False
        begun = self._find({"command.id": resume}) if resume else None
        if begun:
            self.run_id = begun.info.run_id
            self._failed_before = begun.info.status == "FAILED"
            self._client.update_run(self.run_id, status="RUNNING")
        else:
            self.run_id = self._create(name, {"command.id": resume} if resume else {})

    def child(self, place: Place) -> str:
        """Id of the run for a place's (arm, seed, pipeline), begun when there is none in this command."""
        key = Place(place.pipeline, place.namespace if place.arm != "-" else "")
        if key not in self._children:
            own = {"arm": place.arm, "seed": place.seed, "pipeline": place.pipeline}
            begun = self._find({"mlflow.parentRunId": self.run_id, **own})
            name = place.pipeline if place.arm == "-" else f"{place.arm} seed{place.seed} {place.pipeline}"
            self._children[key] = (
                begun.info.run_id if begun else self._create(name, {"mlflow.parentRunId": self.run_id, **own})
            )
        return self._children[key]

    def log_params(self, run_id: str, params: Iterable[tuple[str, Any]]) -> None:
        """Log flat parameters, shortened; one that the run already has is left alone."""
        from mlflow.entities import Param

        new = {key[:250]: str(value)[:_PARAM_LENGTH] for key, value in params if (run_id, key) not in self._params}
        self._params.update((run_id, key) for key in new)
        for part in _parts([Param(key, value) for key, value in new.items()], _PARAMS_A_CALL):
            self._client.log_batch(run_id, params=part)

    def log_metrics(self, run_id: str, points: Iterable[tuple[str, float, int]]) -> None:
        """Log (name, value, step); values that are no number are left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(key, value, now, step) for key, value, step in points if math.isfinite(value)]
        for part in _parts(metrics, _METRICS_A_CALL):
            self._client.log_batch(run_id, metrics=part)

    def log_inputs(self, run_id: str, datasets: Iterable[tuple[str, str, str]]) -> None:
        """Log input datasets as (name, digest, path)."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        context = [InputTag("mlflow.data.context", "input")]
        inputs = [DatasetInput(Dataset(name, digest, "local", path), context) for name, digest, path in datasets]
        if inputs:
            self._client.log_inputs(run_id, inputs)

    def log_text(self, run_id: str, text: str, file: str) -> None:
        """Keep `text` as an artifact of a run."""
        self._client.log_text(run_id, text, file)

    def end(self, status: str) -> None:
        """End the command's run and its children as FINISHED, FAILED or KILLED."""
        for run_id in self._children.values():
            self._client.set_terminated(run_id, status)
        failed_before = status == "FINISHED" and self._failed_before
        self._client.set_terminated(self.run_id, "FAILED" if failed_before else status)

    def _create(self, name: str, tags: Mapping[str, str]) -> str:
        run = self._client.create_run(self._experiment, run_name=name, tags={**self._tags, **tags})
        return str(run.info.run_id)

    def _find(self, tags: Mapping[str, str]) -> Any:
        query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found = self._client.search_runs([self._experiment], query, max_results=1)
        return found[0] if found else None

    def _experiment_id(self, name: str, root: Path) -> str:
        experiment = self._client.get_experiment_by_name(name)
        if experiment:
            return experiment.experiment_id
        # Without a place of its own, MLflow would put artifacts below the current folder.
        local = (root / "mlruns").as_uri() if self._client.tracking_uri.startswith("sqlite:") else None
        return self._client.create_experiment(name, artifact_location=local)


def open_command_run(uri: str, *arguments: Any) -> CommandRun:
    """A `CommandRun` in the store at `uri`.

    Raises:
        UserError: the store cannot be used.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.exceptions import MlflowException

    try:
        return CommandRun(uri, *arguments)
    except MlflowException as error:
        raise UserError(f"MLflow cannot use {uri} (MLFLOW_TRACKING_URI): {error}") from error


def _parts(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
