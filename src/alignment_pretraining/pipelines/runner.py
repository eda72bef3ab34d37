"""The runners of this project: nodes that don't depend on each other run side by side, one a core."""

import logging
from typing import Any

from kedro.framework.project import settings
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.runner import ThreadRunner
from pluggy import PluginManager

from alignment_pretraining.core.cores import available_cores
from alignment_pretraining.lineage.hooks import LineageHooks
from alignment_pretraining.pipelines.progress import ProgressHooks

_log = logging.getLogger(__name__)


class CoreRunner(ThreadRunner):
    """Kedro's ThreadRunner with one worker a core.

    A small model trains on one thread nearly as fast as on two, so two seeds side by side use two cores best; and a
    result must not depend on how many cores the machine has, so each node keeps to `training.threads`.
    """

    def __init__(self, is_async: bool = False) -> None:
        super().__init__(max_workers=available_cores(), is_async=is_async)

    @property
    def _logger(self) -> logging.Logger:
        """Kedro's, as of its own runners: two lines a node are left to who asks for them; `ProgressHooks` tell."""
        return logging.getLogger(ThreadRunner.__module__)


class UnfinishedRunner(CoreRunner):
    """Runs only the nodes that are not up to date: what is finished stays, and a killed run goes on where it was."""

    def run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
        only_missing_outputs: bool = False,
    ) -> dict[str, Any]:
        """Run what is left of `pipeline`."""
        finished = [name for hooks in settings.HOOKS if isinstance(hooks, LineageHooks) for name in hooks.finished]
        if finished:
            _log.warning("%d of %d nodes are up to date (--force runs them again)", len(finished), len(pipeline.nodes))
        left = Pipeline([node for node in pipeline.nodes if node.name not in finished])
        for hooks in settings.HOOKS:
            if isinstance(hooks, ProgressHooks):
                hooks.expect(node.name for node in left.nodes)
        if not left.nodes:
            return {}
        return super().run(left, catalog, hook_manager, run_id, only_missing_outputs)
