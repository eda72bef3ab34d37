"""One base stage, as an engine is asked for it."""

from dataclasses import dataclass
from pathlib import Path

from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.study import TrainingStage


@dataclass(frozen=True)
class BaseJob:
    """What decides a stage's result, whatever engine trains it. Folders count by content.

    `start` is the parent's checkpoint. For nanotron, `settings` are of the held-out loss alone.
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
