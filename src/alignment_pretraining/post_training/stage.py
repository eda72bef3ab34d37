"""SFT and DPO by TRL's trainers: a stage from its inputs to its checkpoint, curve and summary."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.outcome import Outcome
from alignment_pretraining.post_training.config import batch_problems
from alignment_pretraining.post_training.data import draw_examples
from alignment_pretraining.post_training.job import ChatJob, Recipe
from alignment_pretraining.post_training.launch import EXAMPLES, run_in_ranks
from alignment_pretraining.post_training.packing import packed
from alignment_pretraining.post_training.saves import SAVES
from alignment_pretraining.post_training.train import train
from alignment_pretraining.pretraining.local.checkpoint import verify
from alignment_pretraining.study import SftStage

if TYPE_CHECKING:
    from datasets import Dataset


def run_chat_stage(job: ChatJob, scratch: Path) -> Outcome:
    """Fine-tune `job.start`, or go on with it where an interrupted run left off.

    Returns checkpoint folder (under `scratch`), curve and summary without timings.

    Raises:
        UserError: a batch cannot be split as configured; or the loss or a weight is no longer finite, with stage, seed
            and step.
    """
    import datasets

    _refuse(job)
    datasets.disable_progress_bars()
    work = scratch / job.fingerprint(work_code(run_chat_stage))
    if job.settings.processes == 1 and job.settings.launcher == "local":
        result = train(*_prepare(job), work)
        assert result is not None
    else:
        if job.recipe.own:
            verify(job.start)  # before any process starts
        result = run_in_ranks(job.settings, lambda: _prepare(job), work.resolve(), job.machines)
    for unfinished in (SAVES, EXAMPLES):
        shutil.rmtree(work / unfinished, ignore_errors=True)
    return result


def _refuse(job: ChatJob) -> None:
    """Refuse what cannot run, before anything is started."""
    import torch

    settings, found = job.settings, list(batch_problems(job.stage, job.settings, job.recipe.key))
    gpus = torch.cuda.device_count()
    if settings.launcher == "local" and gpus and settings.processes > gpus:
        found.append(f"post_training.processes: {settings.processes}, one a GPU, and this machine has {gpus}; lower it")
    if job.recipe.lora and job.recipe.shards:
        found.append(
            "post_training.parallel: fsdp, and adapters (lora) are trained by processes that share nothing: ddp"
        )
    if found:
        raise UserError("\n".join(found))


def _prepare(job: ChatJob) -> "tuple[Recipe, Dataset]":
    """The examples in the order in which they are read, packed where they are to be."""
    from datasets import Dataset
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(job.start)
    examples = Dataset.from_list(draw_examples(job.data, job.stage, job.seed, tokenizer))
    if not (isinstance(job.stage, SftStage) and job.settings.packing):
        return job.recipe, examples
    rows, rows_a_batch = packed(examples, tokenizer, job.stage, job.settings)
    return replace(job.recipe, rows=rows_a_batch), rows
