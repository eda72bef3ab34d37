"""A long stage's metrics in MLflow while it runs. The hooks log the whole curve under its own names at the end."""

import logging
import os
import time

_log = logging.getLogger(__name__)

EVERY = 10.0  # seconds between two calls of MLflow


class LiveMetrics:
    """Sends rows to the MLflow run of the node that trains, as `live/<stage>/<key>`; without one it does nothing.

    The node's run is in MLFLOW_RUN_ID (see `workers.node_environment`). A store that fails does not stop a training.
    """

    def __init__(self, stage: str) -> None:
        self._stage, self._run = stage, os.environ.get("MLFLOW_RUN_ID")
        self._rows: list[dict[str, float]] = []
        self._sent = time.monotonic()

    def add(self, row: dict[str, float], *, last: bool) -> None:
        """Keep `row`, and send what was kept when it is time or when it is the last."""
        if not self._run:
            return
        self._rows.append(row)
        if last or time.monotonic() - self._sent > EVERY:
            self._send(self._run)

    def _send(self, run: str) -> None:
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        now = int(time.time() * 1000)
        metrics = [
            Metric(f"live/{self._stage}/{key}", value, now, int(row["step"]))
            for row in self._rows
            for key, value in row.items()
            if key != "step"
        ]
        try:
            for start in range(0, len(metrics), 1000):  # MLflow's limit of a call
                MlflowClient().log_batch(run, metrics[start : start + 1000])
        except Exception as error:  # of any kind: the network's, the database's, MLflow's
            _log.warning("MLflow took no metrics (%s); training goes on", error)
        self._rows, self._sent = [], time.monotonic()
