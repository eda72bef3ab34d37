"""The project's graph for commands that run no pipeline."""

from pathlib import Path

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from alignment_pretraining.lineage.graph import Graph


def project_graph(root: Path, env: str | None) -> Graph:
    """The registered pipelines, catalog and parameters of an environment."""
    with KedroSession.create(root, save_on_close=False, env=env) as session:
        context = session.load_context()
        return Graph(root, dict(pipelines), context.catalog, context.params)
