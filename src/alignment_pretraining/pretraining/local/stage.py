"""One base stage from its inputs to its checkpoint, curve and summary."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.core.model import Model, parameter_count, utilization
from alignment_pretraining.pretraining.local.checkpoint import load_parent, save_checkpoint, verify
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.curve import final_loss, skipped_steps
from alignment_pretraining.study import TrainingStage


@dataclass(frozen=True)
class StageJob:
    """Everything that decides a stage's result. Folders count by content. `start` is the parent's checkpoint.

    `peak_tflops` of the processor, where given, only turns speed into MFU.
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

    def fingerprint(self) -> str:
        """Names the work in scratch: inputs by content, configuration, code and its libraries' versions."""
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
            code=work_code(run_stage),
        )


def run_stage(job: StageJob, scratch: Path) -> tuple[Path, pd.DataFrame, dict[str, Any]]:
    """Train the stage, or go on with it where an interrupted run left off.

    Returns the checkpoint folder (under `scratch`), the curve, and a summary. Timings are in neither, so that equal
    inputs give equal bytes: the curve's `attrs["speed"]` has them (see `engine.Trained`), for MLflow.
    """
    from transformers import AutoTokenizer

    from alignment_pretraining.core.token_stream import TokenStream
    from alignment_pretraining.pretraining.local.engine import train
    from alignment_pretraining.pretraining.local.state import prune_states

    mix, heldout = TokenStream.open(job.mix), TokenStream.open(job.heldout)
    if job.start:
        verify(job.start)
    work = scratch / job.fingerprint()
    tokenizer = AutoTokenizer.from_pretrained(job.tokenizer)
    model = _model(job, tokenizer)
    trained = train(
        model,
        mix,
        heldout,
        job.stage,
        job.settings,
        work,
        prompt=tokenizer(job.settings.sample_prompt)["input_ids"],
        utilization=_utilization(job),
        label=f"{job.name} seed {job.seed}",
    )
    rows, samples = trained.progress.rows, trained.progress.samples
    summary: dict[str, Any] = {
        "stage": job.name,
        "seed": job.seed,
        "tokens": job.stage.tokens,
        "steps": job.stage.steps,
        "parameters": parameter_count(job.model),
        "final_loss": final_loss(rows),
        "heldout_loss": rows[-1]["heldout_loss"],
        "samples": {str(step): f"{job.settings.sample_prompt}{tokenizer.decode(ids)}" for step, ids in samples.items()},
    }
    summary |= skipped_steps(rows)
    settings = job.settings.model_dump(exclude={"skip_nonfinite"})  # what was skipped stands in the summary
    record = {**summary, "settings": settings, "spec": job.stage.model_dump()}
    checkpoint = save_checkpoint(model, job.tokenizer, work / "checkpoint", record)
    prune_states(work, last=0, every=job.settings.keep_every)
    curve = pd.DataFrame(rows)
    curve.attrs["speed"] = trained.speed
    return checkpoint, curve, summary


def _utilization(job: StageJob) -> Callable[[float], float] | None:
    if job.peak_tflops is None:
        return None
    return partial(utilization, job.model, job.stage.context, job.peak_tflops)


def _model(job: StageJob, tokenizer: Any) -> Any:
    """The parent's model, or a new one."""
    if job.start:
        return load_parent(job.start, job.model)
    from alignment_pretraining.pretraining.local.llama import new_model

    if len(tokenizer) > job.model.vocab_size:
        raise UserError(
            f"{job.tokenizer}: {len(tokenizer):,} entries, more than study.model.vocab_size {job.model.vocab_size:,}"
        )
    return new_model(job.model, job.seed, eos=tokenizer.eos_token_id, pad=tokenizer.pad_token_id)
