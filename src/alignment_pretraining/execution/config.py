"""Where tasks run: `execution` in `conf/<env>/parameters_mixing.yml`; and what Slurm is asked for, for any work."""

import math
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from alignment_pretraining.core.spec import Positive, Spec

# How Slurm writes a time limit: minutes[:seconds], hours:minutes:seconds, days-hours[:minutes[:seconds]] (sbatch(1)).
_MINUTES = re.compile(r"(?P<minutes>\d+)(:(?P<seconds>\d+))?")
_HOURS = re.compile(r"(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)")
_DAYS = re.compile(r"(?P<days>\d+)-(?P<hours>\d+)(:(?P<minutes>\d+)(:(?P<seconds>\d+))?)?")
_SECONDS = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def limit_seconds(time: str) -> float:
    """Seconds of a time limit of Slurm; infinite where it sets none.

    Raises:
        ValueError: it is none.
    """
    if time.upper() in ("INFINITE", "UNLIMITED"):
        return math.inf
    found = next(filter(None, (form.fullmatch(time) for form in (_MINUTES, _HOURS, _DAYS))), None)
    if not found:
        raise ValueError(f"{time!r} is no time limit of Slurm: write hours:minutes:seconds, as 24:00:00, or days-hours")
    seconds = sum(int(count) * _SECONDS[unit] for unit, count in found.groupdict().items() if count)
    return seconds or math.inf  # zero asks for no limit


def _is_limit(time: str) -> str:
    limit_seconds(time)
    return time


class Slurm(Spec):
    """What a job asks for, and the shell lines before its work. What is None is for the cluster to say.

    `directives` are further #SBATCH options; `max_array_size` is the most jobs that one array may have.
    """

    time: Annotated[str, AfterValidator(_is_limit)]
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
