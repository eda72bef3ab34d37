"""A Kedro hook that shows how far a run is, with whatever runner."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from alignment_pretraining.core.progress import node_name

if TYPE_CHECKING:
    from alignment_pretraining.execution.board import Board


class ProgressHooks:
    """Follows one pipeline run at a time."""

    def __init__(self) -> None:
        self._board: Board | None = None

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Show a run of all nodes of `pipeline`."""
        from alignment_pretraining.execution.board import Board  # most commands run nothing

        self.interrupted()
        asked = [name for name in run_params.get("pipeline_names") or [] if name != "__default__"]
        self._board = Board(", ".join(asked) or "study", [node.name for node in pipeline.nodes])
        self._board.__enter__()

    def expect(self, names: Iterable[str]) -> None:
        """The runner runs nothing but the nodes `names`."""
        if self._board:
            self._board.expect(names)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Show that a node began; what this thread tells from now on is of this node."""
        node_name.set(node.name)
        if self._board:
            self._board.begin(node.name)

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Show that a node ended."""
        if self._board:
            self._board.end(node.name)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Nothing is under way."""
        self.interrupted()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Nothing is under way."""
        self.interrupted()

    def interrupted(self) -> None:
        """The run ended, however that came about."""
        if self._board:
            self._board.close()
        self._board = None
