"""Tasks as a Slurm job array: `python -m alignment_pretraining.execution.task_array FOLDER` is what each job runs."""

import os
import pickle
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import atomic_file
from alignment_pretraining.execution import slurm
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.store import TaskStatistics, finished, perform

_TASKS = "tasks.pickle"


def run_array(
    name: str, work: Callable[[Any, Path], TaskStatistics], items: Mapping[Path, Any], folder: Path, settings: Slurm
) -> slurm.States:
    """Have the folders of `items` made by an array of jobs, whose script and logs are in `folder`; returns their ends.

    Where there are more tasks than an array may have jobs, a job does several, one after the other.

    Raises:
        UserError: a task met one; or Slurm took no job.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    tasks = [(target.resolve(), item) for target, item in items.items()]
    with atomic_file(folder / _TASKS) as stream:
        pickle.dump((work, tasks), stream)
    size = min(len(tasks), settings.max_array_size)
    directives: slurm.Directives = {
        "nodes": 1,
        "ntasks": 1,
        "array": f"0-{size - 1}",
        "output": str(folder.resolve() / "logs" / "%A_%a.out"),
        "open-mode": "append",
        "requeue": None,
    }
    module = "alignment_pretraining.execution.task_array"
    command = f"{slurm.srun_python(settings)} -m {module} {shlex.quote(str(folder.resolve()))} {size}"
    ends = slurm.run(slurm.Job(name, folder, settings, directives, [command]))
    problems = sorted(folder.glob("*.problem"))
    if problems:
        raise UserError(problems[0].read_text())
    return ends


def run_share(folder: Path, size: int, index: int) -> None:
    """Do every `size`-th task from number `index` on, except what is finished, as it is where a job was requeued.

    A `UserError` is kept in a file for the process that waits.
    """
    work, tasks = pickle.loads((folder / _TASKS).read_bytes())
    for number in range(index, len(tasks), size):
        target, item = tasks[number]
        if finished(target):
            continue
        problem = folder / f"{number:06d}.problem"
        problem.unlink(missing_ok=True)
        try:
            perform(work, item, target)
        except UserError as error:
            problem.write_text(str(error))


if __name__ == "__main__":
    run_share(Path(sys.argv[1]), int(sys.argv[2]), int(os.environ["SLURM_ARRAY_TASK_ID"]))
