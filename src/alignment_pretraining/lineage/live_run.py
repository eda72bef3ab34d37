"""One pipeline run as it happens: what each node read and made goes to its record and to MLflow."""

import os
import sys
import threading
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from kedro.framework import project

from alignment_pretraining.core.code import library_versions
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import json_md5
from alignment_pretraining.core.progress import Told
from alignment_pretraining.core.secrets import hide_passwords
from alignment_pretraining.execution.workers import node_environment
from alignment_pretraining.lineage.environment import Git, dvc_command, git_state, machine
from alignment_pretraining.lineage.graph import Graph, GraphNode, NodePlace
from alignment_pretraining.lineage.metrics import metrics_of, results_of, samples_of
from alignment_pretraining.lineage.parameters import condition, flatten, plain
from alignment_pretraining.lineage.provenance import FIGURES, PAGE, REPORT, write_provenance
from alignment_pretraining.lineage.records import (
    Record,
    node_params,
    record_path,
    write_record,
)
from alignment_pretraining.lineage.tracker import Tracker, milliseconds, place_of
from alignment_pretraining.lineage.tracking import SUMMARY, Command, tracking_uri

_LIVE_SECONDS = 10.0  # between the figures of a node that MLflow gets while it is at work


class LiveRun:
    """State of one pipeline run. Hooks of different nodes may come from different threads."""

    def __init__(self, graph: Graph, nodes: Iterable[GraphNode]) -> None:
        self.graph = graph
        self.git = git_state(graph.root)
        self.lock = threading.RLock()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.started: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.waiting: dict[str, set[str]] = {}
        self.told_at: dict[str, float] = {}
        # Code is read when Python loads it: a file edited later does not change what runs.
        self.code = {node.name: graph.code(node) for node in nodes}

    @cached_property
    def tracked(self) -> Tracker:
        """The command's MLflow run, begun with the first node: a command that finds nothing to do leaves none."""
        return _begin_command(self.graph, self.git)

    def begin(self, node: GraphNode) -> None:
        with self.lock:
            graph, place = self.graph, self.graph.places[node.name]
            run_id = self.tracked.run_id(place)
            if run_id and self.tracked.uri:
                node_environment.set({"MLFLOW_TRACKING_URI": self.tracked.uri, "MLFLOW_RUN_ID": run_id})
            self.inputs[node.name] = self._read(node)
            self.waiting[node.name] = set(node.outputs)
            read = [(name, digest) for name, digest in self.inputs[node.name].items() if digest]
            self.tracked.inputs(place, [(name, digest, graph.relative(name)) for name, digest in read])
            params = node_params(graph, node).items()
            leaves = [leaf for name, value in params for leaf in flatten(value, self._param_name(name, node))]
            arm = condition(graph.params, place.arm)
            self.tracked.params(place, [*(flatten(arm, "arm") if arm else ()), *leaves])
            self.started[node.name] = time.perf_counter()

    def computed(self, node: GraphNode) -> None:
        """A node has done its work; nothing of it is saved yet.

        Raises:
            UserError: an input is no longer what it was when the node began, so that no record could be true.
        """
        with self.lock:
            changed = [name for name, digest in self._read(node).items() if digest != self.inputs[node.name][name]]
            if changed:
                where = self.graph.relative(changed[0])
                raise UserError(f"{where} changed while {node.name} read it; nothing of it is kept: run it again")
            self.seconds[node.name] = time.perf_counter() - self.started[node.name]
            place = self.graph.places[node.name]
            self.tracked.metrics(place, [(f"seconds/{self._name_in_run(node)}", self.seconds[node.name], 0)])
            if not node.outputs:
                self._record(node)

    def _read(self, node: GraphNode) -> dict[str, str | None]:
        """What the node's inputs are now; files whose times stand are not read again."""
        names = self.graph.inputs(node)
        for name in names:
            self.graph.forget(name)
        return {name: self.graph.digest(name) for name in names}

    def saved(self, node: GraphNode, dataset: str, data: Any) -> None:
        with self.lock:
            self.graph.forget(dataset)
            place = self.graph.places[node.name]
            self.tracked.metrics(place, metrics_of(dataset, place.namespace, data))
            for file, text in samples_of(dataset, place.namespace, data).items():
                self.tracked.text(place, text, file)
            for arm, points in results_of(dataset, data).items():
                results = NodePlace(SUMMARY, arm)
                self.tracked.params(results, flatten(condition(self.graph.params, arm), "arm"))
                self.tracked.metrics(results, points)
            if dataset in PAGE:
                self.tracked.text(None, data, PAGE[dataset])
            folder = self.graph.path(dataset)
            if folder and dataset == FIGURES:
                self.tracked.files(None, folder, FIGURES)
            if folder and dataset.endswith(".checkpoint"):
                self.tracked.files(place, folder, f"checkpoint/{dataset.split('.')[-2]}")
            self.waiting[node.name].discard(dataset)
            if not self.waiting[node.name]:
                self._record(node)

    def told(self, told: Told) -> None:
        """Pass on the figures of a node at work now and then, as `live/<node>/<figure>` over the tokens or steps done,
        and the last ones. The whole curves come with the node's outputs."""
        now, node = time.monotonic(), self.graph.nodes.get(told.name)
        with self.lock:
            if node is None or told.name not in self.started:
                return
            if not told.over and now < self.told_at.get(told.name, 0.0) + _LIVE_SECONDS:
                return
            figures = {name: value for name, value in told.figures.items() if isinstance(value, int | float)}
            points = [(f"live/{self._name_in_run(node)}/{name}", value, told.done) for name, value in figures.items()]
            if points:
                self.told_at[told.name] = now
                self.tracked.metrics(self.graph.places[told.name], points)

    def end(self, status: str) -> None:
        with self.lock:
            if "tracked" in self.__dict__:
                self.tracked.end(status)

    def _name_in_run(self, node: GraphNode) -> str:
        """A node's name without the arm and seed that its MLflow run stands for; other runs hold several namespaces."""
        own_run = self.graph.places[node.name].arm != "-"
        return node.name.removeprefix(f"{node.namespace}.") if own_run else node.name

    def _param_name(self, name: str, node: GraphNode) -> str:
        """Parameters keep their name; an argument bound to the node's function is named after the node."""
        if name == "parameters":
            return ""
        if name.startswith("params:"):
            return name.removeprefix("params:")
        return f"{self._name_in_run(node)}.{name}"

    def _record(self, node: GraphNode) -> None:
        graph = self.graph
        record = Record(
            node=node.name,
            inputs=self.inputs[node.name],
            outputs={name: graph.digest(name) for name in sorted(node.outputs)},
            params=node_params(graph, node),
            code=self.code[node.name].modules,
            libraries=library_versions(self.code[node.name].libraries),
            machine=machine(),
            env=graph.env,
            commit=self.git.commit,
            dirty=self.git.dirty,
            mlflow_run=self.tracked.run_id(graph.places[node.name]),
            seconds=round(self.seconds[node.name], 3),
            when=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        write_record(record_path(graph, node), record)
        if REPORT in node.outputs:
            write_provenance(graph, record, self.tracked.run_id(None), self.tracked.uri)


def _begin_command(graph: Graph, git: Git) -> Tracker:
    study = str(graph.params.get("study", {}).get("name", project.PACKAGE_NAME))
    config = plain(graph.params)
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    of_dvc = dvc_command()
    tags = {
        "env": graph.env,
        "study": study,
        "git.commit": git.commit or "none",
        "git.dirty": str(git.dirty).lower(),
        "config.hash": json_md5(config),
        "command": " ".join(words),
        "place": place_of(graph.root, graph.env),
        "mlflow.source.name": project.PACKAGE_NAME or "",
    }
    if "DVC_STAGE" in os.environ:
        tags["dvc.stage"] = os.environ["DVC_STAGE"]
    command = Command(
        id=of_dvc or uuid.uuid4().hex,
        name=hide_passwords("dvc repro" if of_dvc else " ".join(words[:6])),
        # Environments may give their studies the same name.
        experiment=study if study == graph.env else f"{study}-{graph.env}",
        tags=tags,
        began=milliseconds(),
    )
    tracker = Tracker(graph, command, tracking_uri(graph.root))
    tracker.text(None, yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "configuration.yml")
    if git.diff:
        tracker.text(None, git.diff, "uncommitted.diff")
    return tracker
