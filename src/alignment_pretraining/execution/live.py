"""A long stage's metrics in MLflow while it runs. The hooks log the whole curve under its own names at the end."""

import logging
import os
import threading
import time
from queue import SimpleQueue

_log = logging.getLogger(__name__)

EVERY = 10.0  # seconds between two calls of MLflow
_LAST = 30.0  # seconds that the end of a stage waits for them

Row = dict[str, float]


class LiveMetrics:
    """Sends rows to the MLflow run of the node that trains, as `live/<stage>/<key>`; without one it does nothing.

    The node's run is in MLFLOW_RUN_ID (see `workers.node_environment`). A thread of its own sends: neither a server
    that fails nor one that never answers holds up a training.
    """

    def __init__(self, stage: str) -> None:
        self._stage, self._run = stage, os.environ.get("MLFLOW_RUN_ID")
        self._rows: SimpleQueue[Row] = SimpleQueue()
        self._ended = threading.Event()
        self._sender = threading.Thread(target=self._send_all, daemon=True)

    def add(self, row: Row, *, last: bool) -> None:
        """Hand `row` over; after the last one wait for the sender, but not for long."""
        if not self._run:
            return
        self._rows.put(row)
        if not self._sender.is_alive():
            self._sender.start()
        if last:
            self._ended.set()
            self._sender.join(_LAST)

    def _send_all(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(EVERY)
            rows = [self._rows.get() for _ in range(self._rows.qsize())]
            if rows:
                self._send(rows)

    def _send(self, rows: list[Row]) -> None:
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        now = int(time.time() * 1000)
        metrics = [
            Metric(f"live/{self._stage}/{key}", value, now, int(row["step"]))
            for row in rows
            for key, value in row.items()
            if key != "step"
        ]
        try:
            for start in range(0, len(metrics), 1000):  # MLflow's limit of a call
                MlflowClient().log_batch(str(self._run), metrics[start : start + 1000])
        except Exception as error:  # of any kind: the network's, the database's, MLflow's
            _log.warning("MLflow took no metrics (%s); training goes on", error)
