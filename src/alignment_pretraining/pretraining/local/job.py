"""One base stage for the local engine, as it is asked for and as each process is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from alignment_pretraining.core.files import write_atomically
from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.core.model import Model
from alignment_pretraining.execution.ranks import Machines
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.study import TrainingStage


@dataclass(frozen=True)
class StageJob:
    """Everything that decides a stage's result. Folders count by content. `start` is the parent's checkpoint.

    `peak_tflops` of one processor, where given, only turns speed into MFU. `machines` are those of Slurm that train it;
    without them it is trained here.
    """

    name: str
    seed: int
    mix: Path
    heldout: Path
    tokenizer: Path
    start: Path | None
    model: Model
    stage: TrainingStage
    settings: EngineConfig
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
    told = {
        "name": job.name,
        "seed": job.seed,
        "mix": str(job.mix.resolve()),
        "heldout": str(job.heldout.resolve()),
        "tokenizer": str(job.tokenizer.resolve()),
        "start": str(job.start.resolve()) if job.start else None,
        "model": job.model.model_dump(),
        "stage": job.stage.model_dump(),
        "settings": job.settings.model_dump(),
        "peak_tflops": job.peak_tflops,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda part: part.write_text(json.dumps(told, indent=2)))


def read_job(path: Path) -> StageJob:
    """What `write_job` wrote."""
    told = json.loads(path.read_text())
    return StageJob(
        name=told["name"],
        seed=told["seed"],
        mix=Path(told["mix"]),
        heldout=Path(told["heldout"]),
        tokenizer=Path(told["tokenizer"]),
        start=Path(told["start"]) if told["start"] else None,
        model=Model.model_validate(told["model"]),
        stage=TrainingStage.model_validate(told["stage"]),
        settings=EngineConfig.model_validate(told["settings"]),
        peak_tflops=told["peak_tflops"],
    )
