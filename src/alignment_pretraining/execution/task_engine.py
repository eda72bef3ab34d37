"""Tasks as a datatrove pipeline of one step: rank n does the n-th task.

datatrove has the executors, logs and statistics. What is finished is for the store to say: datatrove's own markers know
neither configuration nor input.
"""

import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datatrove.executor.base import DistributedEnvVars, PipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger
from tqdm import tqdm

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import atomic_file
from alignment_pretraining.execution.store import TaskStatistics, perform
from alignment_pretraining.execution.workers import map_in_workers

_JOBS = "jobs.pickle"


class Perform(PipelineStep):  # type: ignore[misc] # datatrove has no types
    """Does the task of its rank, among those written to the folder `jobs`."""

    type = "TASK"
    name = "alignment-pretraining"

    def __init__(self, jobs: Path) -> None:
        super().__init__()
        self.jobs = jobs

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> None:
        """Perform the task; a `UserError` is kept in a file for the process that waits."""
        work, items = pickle.loads((self.jobs / _JOBS).read_bytes())
        folder, item = items[rank]
        try:
            perform(work, item, folder)
        except UserError as error:
            (self.jobs / f"{rank:05d}.problem").write_text(str(error))


class WorkersExecutor(PipelineExecutor):  # type: ignore[misc] # datatrove has no types
    """datatrove's pipeline in this project's worker processes, which end with their parent and outlive no error."""

    def __init__(self, name: str, step: PipelineStep, tasks: int, logging_dir: str) -> None:
        super().__init__([step], logging_dir, skip_completed=False)
        self.name, self.tasks = name, tasks

    @property
    def world_size(self) -> int:
        """The number of tasks."""
        return self.tasks

    def get_distributed_env(self, node_rank: int = -1) -> DistributedEnvVars:
        """What datatrove tells its steps of the machine."""
        return DistributedEnvVars(
            datatrove_node_ips="localhost",
            datatrove_cpus_per_task="1",
            datatrove_mem_per_cpu="-1",
            datatrove_gpus_on_node="0",
            datatrove_executor="LOCAL",
        )

    def run(self) -> None:
        """Run all tasks, one a core at a time."""
        results = map_in_workers(self.run_quietly, range(self.tasks))
        for _ in tqdm(results, self.name, total=self.tasks, unit="task"):
            pass

    def run_quietly(self, rank: int) -> None:
        """One task, without datatrove's messages on the console; its errors are raised."""
        logger.disable("datatrove")
        self._run_for_rank(rank, local_rank=1)


def write_jobs(folder: Path, work: Callable[[Any, Path], TaskStatistics], items: Mapping[Path, Any]) -> Path:
    """Write the tasks, by the folder that each is to make, to an emptied `folder`; returns its absolute path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tasks = [(target.resolve(), item) for target, item in items.items()]
    with atomic_file(folder / _JOBS) as stream:
        pickle.dump((work, tasks), stream)
    return folder.resolve()


def run_locally(name: str, step: PipelineStep, tasks: int, jobs: Path) -> None:
    """Run the tasks in worker processes of this machine.

    Raises:
        UserError: a worker was killed.
    """
    WorkersExecutor(name, step, tasks, str(jobs / "datatrove")).run()


def first_problem(jobs: Path) -> str | None:
    """What the first task that met a `UserError` said."""
    problems = sorted(jobs.glob("*.problem"))
    return problems[0].read_text() if problems else None
