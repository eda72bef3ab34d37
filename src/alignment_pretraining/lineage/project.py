"""The project's graph for commands that run no pipeline."""

import logging
from pathlib import Path
from typing import Any

from kedro.framework import project
from kedro.framework.session import KedroSession

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
        return Graph(root, dict(project.pipelines), context.catalog, params_as_written, context.env)
