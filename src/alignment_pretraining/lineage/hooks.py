"""Kedro hooks: drift is refused before a run, every node leaves a record, and MLflow follows."""

import atexit
from typing import TYPE_CHECKING, Any

from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from alignment_pretraining.core.digests import use_cache
from alignment_pretraining.core.environments import data_folder
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import tell_no_more, tell_to
from alignment_pretraining.lineage.drift import check, up_to_date
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.lock import RunLock

if TYPE_CHECKING:
    from alignment_pretraining.lineage.live_run import LiveRun


class LineageHooks:
    """Follows one pipeline run at a time, through `SequentialRunner` or `ThreadRunner`."""

    def __init__(self) -> None:
        self._run: LiveRun | None = None
        self._lock: RunLock | None = None
        self._context: KedroContext | None = None
        self.finished: list[str] = []  # nodes of the pipeline that is being run which are up to date

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep the context: it knows the parameters as they are written, those of the command line included."""
        self._context = context
        use_cache(context.project_path / ".cache")

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Refuse inputs that drifted, then open the command's MLflow run.

        Raises:
            UserError: an input drifted, another run is at work here, or the runner would not run the hooks.
        """
        from alignment_pretraining.lineage.live_run import LiveRun  # most commands run nothing

        assert self._context is not None
        self._end("KILLED")  # a run that a notebook interrupted
        if "ParallelRunner" in str(run_params["runner"]):
            raise UserError("ParallelRunner leaves no records of what its nodes did; use another runner")
        # The graph needs all pipelines, also when only some were asked for.
        project.pipelines.set_requested(None)
        context = self._context
        params = context.config_loader["parameters"]
        self._lock = RunLock(context.project_path / data_folder(context.env))
        self._lock.acquire()
        graph = Graph(context.project_path, dict(project.pipelines), catalog, params, context.env)
        served = graph.persisted(list(pipeline.inputs()))
        if run_params["only_missing_outputs"]:
            served += [name for name in graph.persisted(list(pipeline.all_outputs())) if graph.digest(name)]
        check(graph, served)
        self.finished = up_to_date(graph, pipeline)
        self._run = LiveRun(graph, pipeline.nodes)
        tell_to(self._run.told)
        # A notebook or script that is left in the middle of a run.
        atexit.register(self.interrupted)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Note what the node reads, and start its clock."""
        if self._run:
            self._run.begin(node)

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Stop the node's clock. Its outputs are saved after this hook, so the record waits for them."""
        if self._run:
            self._run.computed(node)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Log what the output says; write the node's record when it was the last output."""
        if self._run:
            self._run.saved(node, dataset_name, data)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """The run is finished."""
        self._end("FINISHED")

    @hook_impl
    def on_pipeline_error(self) -> None:
        """The run failed."""
        self._end("FAILED")

    def refused(self) -> None:
        """Another hook has refused the run before its first node."""
        self._end("FAILED")

    def interrupted(self) -> None:
        """The run was stopped by Ctrl-C, which Kedro does not tell its hooks: the command does."""
        self._end("KILLED")

    def _end(self, status: str) -> None:
        if self._run:
            tell_no_more(self._run.told)
            self._run.end(status)
        if self._lock:
            self._lock.release()
        atexit.unregister(self.interrupted)
        self._run = self._lock = None
