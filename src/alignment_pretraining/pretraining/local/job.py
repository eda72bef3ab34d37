"""One base stage for the local engine, as it is asked for and as each process is told."""

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from alignment_pretraining.core.files import write_atomically
from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.execution.ranks import Machines
from alignment_pretraining.pretraining.job import BaseJob


@dataclass(frozen=True)
class StageJob(BaseJob):
    """A stage for the local engine.

    `peak_tflops` of one processor, where given, only turns speed into MFU. `machines` are those of Slurm that train it;
    without them it is trained here.
    """

    peak_tflops: float | None = None
    machines: Machines | None = None

    @property
    def label(self) -> str:
        """What the stage is called where no node trains it."""
        return f"{self.name} seed {self.seed}"

    def fingerprint(self, code: dict[str, dict[str, str]]) -> str:
        """Names the work in scratch: inputs by content, configuration, and the `code` with its libraries' versions."""
        return work_fingerprint(
            name=self.name,
            seed=self.seed,
            mix=self.mix,
            heldout=self.heldout,
            tokenizer=self.tokenizer,
            start=self.start,
            model=self.model.model_dump(),
            stage=self.stage.model_dump(),
            settings=self.settings.model_dump(),
            code=code,
        )


def write_job(job: StageJob, path: Path) -> None:
    """Write what every process that trains the stage must know."""
    told = replace(
        job,
        mix=job.mix.resolve(),
        heldout=job.heldout.resolve(),
        tokenizer=job.tokenizer.resolve(),
        start=job.start and job.start.resolve(),
        machines=None,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda part: part.write_bytes(_AS_JSON.dump_json(told)))


def read_job(path: Path) -> StageJob:
    """What `write_job` wrote."""
    return _AS_JSON.validate_json(path.read_bytes())


_AS_JSON = TypeAdapter(StageJob)
