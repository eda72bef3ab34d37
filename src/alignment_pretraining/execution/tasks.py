"""Runs tasks where the configuration says, and only those that are not finished."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work as Shown
from alignment_pretraining.execution import slurm
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.execution.store import TaskResult, TaskStatistics, finished, keep_only, perform
from alignment_pretraining.execution.task_array import run_array
from alignment_pretraining.execution.workers import map_in_workers

T = TypeVar("T")
Work = Callable[[T, Path], TaskStatistics]
Watch = Callable[[TaskStatistics], None]

# Starting processes takes longer than a few small tasks.
_FEW = 3
_JOBS = "jobs"  # in a store: script, logs and problems of Slurm's jobs


def run_tasks(
    name: str,
    work: Work[T],
    tasks: Sequence[tuple[str, T]],
    scratch: Path,
    execution: Execution,
    watch: Watch = lambda told: None,
) -> list[TaskResult]:
    """Do all tasks, here or on a cluster; returns them finished, in the order of `tasks`.

    Args:
        name: Of the step. Whatever an earlier run of the same name finished in `scratch` is taken as it is.
        work: Fills an empty folder and returns JSON values; can be pickled, as items can.
        tasks: Pairs of a fingerprint of all that the result depends on, and an item for `work`.
        scratch: Where finished and unfinished work is kept.
        execution: Where tasks run.
        watch: Called with what each task tells, as soon as it has on this machine; an error of it ends the work.

    Raises:
        UserError: a task met one; or its process or job was killed.
    """
    store, items = scratch / "tasks" / name, dict(tasks)
    store.mkdir(parents=True, exist_ok=True)
    jobs, settings = store / _JOBS, execution.slurm if execution.launcher == "slurm" else None
    if settings:
        slurm.wait_for_earlier(name, jobs, settings)
    keep_only(store, items.keys() | {_JOBS})
    missing = {}
    for key, item in items.items():
        if known := finished(store / key):
            watch(known.told)
        else:
            missing[store / key] = item
    ends = slurm.States()
    if settings and missing:
        ends = run_array(name, work, missing, jobs, settings)
    elif execution.launcher == "local" and len(missing) > _FEW:
        _run_in_workers(name, work, missing, watch)
    else:
        with Shown(name, len(missing), unit="tasks") as shown:
            for folder, item in missing.items():
                watch(perform(work, item, folder))
                shown.advance()
    done = [finished(store / key) for key, _ in tasks]
    if None in done:
        told = f" (Slurm: {slurm.describe(ends)})" if ends else ""
        raise UserError(f"{name}: {done.count(None)} of {len(done)} tasks did not finish{told}; see {jobs / 'logs'}")
    return [task for task in done if task]


def _run_in_workers(name: str, work: Work[T], items: Mapping[Path, T], watch: Watch) -> None:
    """Do all tasks, one a core at a time; what a user can fix in one of them stops none of the others."""
    problems = []
    with Shown(name, len(items), unit="tasks") as shown:
        for told in map_in_workers(partial(_attempt, work), items.items()):
            if isinstance(told, str):
                problems.append(told)
            else:
                watch(told)
            shown.advance()
    if problems:
        raise UserError(problems[0])


def _attempt(work: Work[T], task: tuple[Path, T]) -> TaskStatistics | str:
    """Perform a task; returns what it tells, or what a `UserError` said."""
    folder, item = task
    try:
        return perform(work, item, folder)
    except UserError as error:
        return str(error)
