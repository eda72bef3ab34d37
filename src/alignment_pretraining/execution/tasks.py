"""Runs tasks where the configuration says, and only those that are not finished."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.execution.store import TaskResult, TaskStatistics, finished, keep_only, perform

T = TypeVar("T")

# Starting processes takes longer than a few small tasks.
_FEW = 3


def run_tasks(
    name: str,
    work: Callable[[T, Path], TaskStatistics],
    tasks: Sequence[tuple[str, T]],
    scratch: Path,
    execution: Execution,
) -> list[TaskResult]:
    """Finished tasks, in the order of `tasks`: pairs of a fingerprint of all that the result depends on, and an item.

    `work` (picklable, as items are) fills an empty folder and returns JSON values. Whatever an earlier run of the same
    `name` finished in `scratch` is taken as it is.

    Raises:
        UserError: a task met one; or its process or job was killed.
    """
    store, items = scratch / "tasks" / name, dict(tasks)
    store.mkdir(parents=True, exist_ok=True)
    if execution.launcher == "slurm":
        from alignment_pretraining.execution.slurm_array import wait_for_jobs

        wait_for_jobs(name, store, execution)
    keep_only(store, items.keys() | {"jobs"})
    open_items = {key: item for key, item in items.items() if finished(store / key) is None}
    if execution.launcher == "in_process" or (execution.launcher == "local" and len(open_items) <= _FEW):
        for key, item in tqdm(open_items.items(), name, unit="task", disable=len(open_items) <= _FEW):
            perform(work, item, store / key)
    elif open_items:
        _run_by_datatrove(name, work, open_items, store, execution)
    done = [finished(store / key) for key, _ in tasks]
    if None in done:
        raise UserError(f"{name}: {done.count(None)} of {len(done)} tasks did not finish; see {store / 'jobs'}")
    return [task for task in done if task]


def _run_by_datatrove(
    name: str, work: Callable[[T, Path], TaskStatistics], items: Mapping[str, T], store: Path, execution: Execution
) -> None:
    from alignment_pretraining.execution.task_engine import Perform, first_problem, run_locally, write_jobs

    jobs = write_jobs(store / "jobs", work, {store / key: item for key, item in items.items()})
    if execution.launcher == "local":
        run_locally(name, Perform(jobs), len(items), jobs)
    else:
        from alignment_pretraining.execution.slurm_array import run_on_slurm

        run_on_slurm(name, Perform(jobs), len(items), jobs, execution)
    problem = first_problem(jobs)
    if problem:
        raise UserError(problem)
