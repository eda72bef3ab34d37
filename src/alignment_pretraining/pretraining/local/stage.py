"""One base stage from its inputs to its checkpoint, curve and summary."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import parameter_count, utilization
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.execution.outcome import Outcome
from alignment_pretraining.pretraining.local.checkpoint import load_parent, save_checkpoint, verify
from alignment_pretraining.pretraining.local.config import batch_problems
from alignment_pretraining.pretraining.local.curve import final_loss, skipped_steps
from alignment_pretraining.pretraining.local.followed import Followed
from alignment_pretraining.pretraining.local.job import StageJob
from alignment_pretraining.pretraining.local.launch import run_in_ranks

# Settings that the record of a checkpoint has only where they are not what they were before there was a choice; what
# was skipped stands in the summary.
_LATER = {"processes", "gradient_checkpointing"}


def run_stage(job: StageJob, scratch: Path) -> Outcome:
    """Train the stage, or go on with it where an interrupted run left off.

    Returns the checkpoint folder (under `scratch`), the curve, and a summary. Timings are in neither, so that equal
    inputs give equal bytes: the curve's `attrs["speed"]` has them (see `engine.Trained`), for MLflow.

    Raises:
        UserError: the stage cannot run as configured, what it reads is damaged, or training failed.
    """
    from alignment_pretraining.pretraining.local.state import prune_states

    _refuse(job)
    work = scratch / job.fingerprint(work_code(run_stage))
    if job.settings.processes == 1 and job.machines is None:
        outcome = train_here(job, work)
        assert outcome is not None
    else:
        outcome = run_in_ranks(job, work.resolve())
    prune_states(work, last=0, every=job.settings.keep_every)
    return outcome


def train_here(job: StageJob, work: Path, followed: Followed | None = None) -> Outcome | None:
    """Train the stage in this process, together with those that it has met.

    Returns what `run_stage` does; None from all processes but the first, and where they were asked to leave early.
    """
    from transformers import AutoTokenizer

    from alignment_pretraining.pretraining.local.engine import train

    mix, heldout = TokenStream.open(job.mix), TokenStream.open(job.heldout)
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
        label=job.label,
        followed=followed,
    )
    if len(trained.progress.rows) < job.stage.steps or not trained.is_first:
        return None
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
    settings = job.settings.model_dump(exclude={"skip_nonfinite"} | _LATER)
    settings |= job.settings.model_dump(include=_LATER, exclude_defaults=True)
    record = {**summary, "settings": settings, "spec": job.stage.model_dump()}
    checkpoint = save_checkpoint(model, job.tokenizer, work / "checkpoint", record)
    curve = pd.DataFrame(rows)
    curve.attrs["speed"] = trained.speed
    return checkpoint, curve, summary


def _utilization(job: StageJob) -> Callable[[float], float] | None:
    if job.peak_tflops is None:
        return None
    return partial(utilization, job.model, job.stage.context, job.peak_tflops * job.settings.processes)


def _refuse(job: StageJob) -> None:
    """Refuse what cannot run, before anything is started."""
    import torch

    found, processes = list(batch_problems(job.name, job.stage, job.settings)), job.settings.processes
    gpus = torch.cuda.device_count()
    if job.machines is None and gpus and processes > gpus:
        found.append(f"training.processes: {processes}, one a GPU, and this machine has {gpus}; lower it")
    if found:
        raise UserError("\n".join(found))
    for stream in (job.mix, job.heldout):
        TokenStream.open(stream)
    if job.start:
        verify(job.start)


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
