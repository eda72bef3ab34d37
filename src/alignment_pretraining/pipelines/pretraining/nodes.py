"""One node a training stage."""

from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.study import Model, TrainingStage
from alignment_pretraining.training.settings import EngineSettings
from alignment_pretraining.training.stage import StageJob, run_stage
from alignment_pretraining.workers import run_in_worker


def train_stage(
    mix: Path,
    heldout: Path,
    tokenizer: Path,
    model: dict[str, Any],
    stage: dict[str, Any],
    engine: dict[str, Any],
    scratch: Path,
    start: Path | None = None,
    *,
    stage_name: str,
    seed: int,
) -> tuple[Path, pd.DataFrame, dict[str, Any]]:
    """Train one stage on the token stream in `mix`, from the checkpoint `start` or from new weights.

    Returns the checkpoint folder, the curve (one row a step) and the summary (tokens, steps, losses, parameters).
    """
    job = StageJob(
        name=stage_name,
        seed=seed,
        mix=mix,
        heldout=heldout,
        tokenizer=tokenizer,
        start=start,
        model=Model.model_validate(model),
        stage=TrainingStage.model_validate(stage),
        settings=EngineSettings.model_validate(engine),
    )
    return run_in_worker(run_stage, job, scratch)
