"""Where tasks run: `execution` in `conf/<env>/parameters_mixing.yml`; and what Slurm is asked for, for any work."""

from typing import Literal, Self

from pydantic import Field, model_validator

from alignment_pretraining.core.spec import Positive, Spec


class Slurm(Spec):
    """What a job asks for, and the shell lines before its work. What is None is for the cluster to say.

    `directives` are further #SBATCH options; `max_array_size` is the most jobs that one array may have.
    """

    time: str
    partition: str | None = None
    cpus_per_task: Positive | None = None
    mem_per_cpu_gb: Positive | None = None
    max_array_size: Positive = 1001
    directives: dict[str, str | int] = {}
    modules: list[str] = []
    setup: list[str] = []
    container: str | None = None
    python: str = "python"
    poll_seconds: float = Field(default=30, gt=0)


def require_slurm(launcher: str, slurm: Slurm | None) -> None:
    """Refuse a launcher that has nothing to go by.

    Raises:
        ValueError: `launcher` is slurm, and there is no `slurm`.
    """
    if launcher == "slurm" and slurm is None:
        raise ValueError("launcher is slurm, and slurm is missing: it needs at least time")


class Execution(Spec):
    """`in_process`: one after the other; `local`: one a core; `slurm`: a job array, over a shared file system."""

    launcher: Literal["in_process", "local", "slurm"] = "local"
    slurm: Slurm | None = None

    @model_validator(mode="after")
    def _slurm_is_described(self) -> Self:
        require_slurm(self.launcher, self.slurm)
        return self
