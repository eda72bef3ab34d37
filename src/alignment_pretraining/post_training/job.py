"""One post-training stage of one model, as it is asked for and as each process is told."""

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.execution.ranks import Machines
from alignment_pretraining.post_training.config import Further, Lora, PostTrainingConfig, examples, stage_name
from alignment_pretraining.study import DpoStage, SftStage

# What neither changes a weight nor what a save holds.
_FREE = {"launcher", "save_every"}


@dataclass(frozen=True)
class Recipe:
    """What decides a stage's result beside its examples: `start` is the checkpoint that it begins from.

    `rows` is how many packed rows make a batch, where examples are packed; `further` is said of what is none of the
    study's own stages.
    """

    start: Path
    stage: SftStage | DpoStage
    seed: int
    settings: PostTrainingConfig
    rows: int | None = None
    further: Further | None = None

    @property
    def name(self) -> str:
        """`sft` or `dpo`."""
        return stage_name(self.stage)

    @property
    def key(self) -> str:
        """Where the stage's specification stands."""
        return self.further.key if self.further else f"study.stages.{self.name}"

    @property
    def own(self) -> bool:
        """Whether `start` was trained here."""
        return self.further is None or self.further.own

    @property
    def lora(self) -> Lora | None:
        """The adapters that are trained in place of the weights, if any."""
        return self.further.lora if self.further else None

    @property
    def label(self) -> str:
        """What the stage is called where no node runs it."""
        return f"{self.name} seed {self.seed}"

    @property
    def shards(self) -> bool:
        """Whether several processes share out weights, gradients and moments."""
        return self.settings.processes > 1 and self.settings.parallel == "fsdp"

    @property
    def accumulation(self) -> int:
        """Micro-batches that a process reads in one optimizer step."""
        return (self.rows or self.stage.batch_size) // self.settings.at_once(self.stage)

    @property
    def steps(self) -> int:
        """Optimizer steps: an epoch's last batch may be smaller. There are fewer where TRL leaves out pairs."""
        return math.ceil(examples(self.stage) / self.stage.batch_size) * self.stage.epochs


@dataclass(frozen=True)
class ChatJob:
    """One post-training stage of one model: `data` are its examples, `start` the checkpoint it begins from.

    `machines` are those of a cluster with Slurm, where the environment has one.
    """

    data: pd.DataFrame
    start: Path
    stage: SftStage | DpoStage
    seed: int
    settings: PostTrainingConfig = field(default_factory=PostTrainingConfig)
    machines: Machines | None = None
    further: Further | None = None

    @property
    def recipe(self) -> Recipe:
        """The job without its examples."""
        return Recipe(self.start, self.stage, self.seed, self.settings, further=self.further)

    def fingerprint(self, code: dict[str, dict[str, str]]) -> str:
        """Names the work in scratch: inputs by content, configuration, and the `code` with its libraries' versions."""
        return work_fingerprint(
            name=self.recipe.name,
            data=_digest(self.data),
            start=self.start,
            stage=self.stage.model_dump(),
            seed=self.seed,
            settings=self.settings.model_dump(exclude=_FREE),
            further=self.further.model_dump() if self.further else None,
            code=code,
        )


def _digest(table: pd.DataFrame) -> str:
    """MD5 of a table's cells, row by row: millions of conversations are not made one text first."""
    found = hashlib.md5(repr(list(table.columns)).encode(), usedforsecurity=False)
    for row in table.itertuples(index=False):
        found.update(repr(tuple(row)).encode())
    return found.hexdigest()
