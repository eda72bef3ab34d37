"""The project's graph for commands that run no pipeline."""

import logging
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from alignment_pretraining.lineage.graph import Graph


def project_graph(root: Path, env: str | None, params: dict[str, Any] | None = None) -> Graph:
    """The registered pipelines, catalog and parameters of an environment, `params` given at run time.

    Kedro logs to standard output, where only the command's own answer belongs: notes and warnings are switched off.
    """
    logging.disable(logging.WARNING)
    with KedroSession.create(root, save_on_close=False, env=env, runtime_params=params) as session:
        assert isinstance(session, KedroSession)
        context = session.load_context()
        return Graph(root, dict(pipelines), context.catalog, context.params)
