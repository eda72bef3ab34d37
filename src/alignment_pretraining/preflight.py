"""The preflight of a run: a study that would not reach its end is refused before its first node."""

from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from alignment_pretraining.context import StudyContext
from alignment_pretraining.core.environments import data_folder, environment
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.hooks import LineageHooks


class PreflightHooks:
    """Compares what is left of a run, and what comes after it, with what there is."""

    def __init__(self) -> None:
        self._context: StudyContext | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep the context: it knows the parameters."""
        assert isinstance(context, StudyContext)
        self._context = context

    @hook_impl(trylast=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Refuse the run when something that it or a later pipeline needs is short.

        Raises:
            UserError: names each shortfall and the setting, or a benchmark that could not be given.
        """
        from alignment_pretraining.evaluation.capability.tasks import check_tasks
        from alignment_pretraining.planning.preflight.check import PIPELINES, from_pipeline, needs_of, refuse_short

        assert self._context is not None
        lineage = [hooks for hooks in settings.HOOKS if isinstance(hooks, LineageHooks)]
        finished = {name for hooks in lineage for name in hooks.finished}
        left = {tag for node in pipeline.nodes if node.name not in finished for tag in node.tags}
        first = next((name for name in PIPELINES if name in left), None)
        if first is None:
            return
        parameters = self._context.specifications
        benchmarks = any("params:capability" in node.inputs for node in pipeline.nodes if node.name not in finished)
        env = environment(self._context.env)
        data = Path(self._context.project_path) / data_folder(env)
        try:
            refuse_short(from_pipeline(needs_of(parameters, catalog.load, data), first), env)
            if benchmarks:
                check_tasks(parameters.capability)
        except UserError:
            for hooks in lineage:
                hooks.refused()
            raise
