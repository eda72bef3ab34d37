"""Where tasks run: `execution` in `conf/<env>/parameters_mixing.yml`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from alignment_pretraining.core.spec import Positive, Spec


class SlurmTasks(Spec):
    """What each job of the array asks for. `directives` are further #SBATCH options; `setup` are shell lines."""

    time: str
    partition: str
    cpus_per_task: Positive = 1
    mem_per_cpu_gb: Positive = 4
    max_array_size: Positive = 1001
    directives: dict[str, str | int] = {}
    setup: list[str] = []
    poll_seconds: float = Field(default=30, gt=0)


class Execution(Spec):
    """`in_process`: one after the other; `local`: one a core; `slurm`: a job array, over a shared file system."""

    launcher: Literal["in_process", "local", "slurm"] = "local"
    slurm: SlurmTasks | None = None

    @model_validator(mode="after")
    def _slurm_is_described(self) -> Self:
        if self.launcher == "slurm" and self.slurm is None:
            raise ValueError("launcher is slurm, and slurm is missing: it needs at least time and partition")
        return self
