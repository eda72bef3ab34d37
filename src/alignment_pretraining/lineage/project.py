"""The project's graph for commands that run no pipeline."""

import logging
from pathlib import Path
from typing import Any

from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.framework.context.context import _convert_paths_to_absolute_posix
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

from alignment_pretraining.lineage.graph import Graph


def project_graph(root: Path, env: str | None, params: dict[str, Any] | None = None) -> Graph:
    """The registered pipelines, catalog and parameters of an environment, `params` given at run time.

    Kedro logs to standard output, where only the command's own answer belongs: notes and warnings are switched off.
    """
    logging.disable(logging.WARNING)
    # They are built from the environment's study, and the last ones may be another environment's.
    project.pipelines.configure(f"{project.PACKAGE_NAME}.pipeline_registry")
    with KedroSession.create(root, save_on_close=False, env=env, runtime_params=params) as session:
        assert isinstance(session, KedroSession)
        context = session.load_context()
        # As they are written: `context.params` holds the specifications that nodes get.
        params_as_written = context.config_loader["parameters"]
        return Graph(root, dict(project.pipelines), datasets_of(context), params_as_written, context.env)


def datasets_of(context: KedroContext) -> DataCatalog:
    """The context's catalog without parameters: a dataset for each of them takes as long as all the rest."""
    config = _convert_paths_to_absolute_posix(context.project_path, context.config_loader["catalog"])
    return DataCatalog.from_config(config, credentials=context._get_config_credentials())
