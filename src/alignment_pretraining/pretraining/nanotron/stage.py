"""One base stage on the cluster: from the same inputs to the same checkpoint, curve and summary as the local engine."""

import json
import logging
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_text
from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.core.model import parameter_count, utilization
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.execution import saves
from alignment_pretraining.pretraining.job import BaseJob
from alignment_pretraining.pretraining.local.checkpoint import save_checkpoint, verify
from alignment_pretraining.pretraining.local.curve import final_loss, skipped_steps
from alignment_pretraining.pretraining.nanotron import entry
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, check_stage
from alignment_pretraining.pretraining.nanotron.compatibility import VERSION
from alignment_pretraining.pretraining.nanotron.config import ENTRY, stage_config, write_config
from alignment_pretraining.pretraining.nanotron.layout import Layout, check_layout
from alignment_pretraining.pretraining.nanotron.memory import GB, checkpoint_bytes, hugging_face_bytes
from alignment_pretraining.pretraining.nanotron.resume import check_resume

_log = logging.getLogger(__name__)
_CODE = "code.json"


@dataclass(frozen=True)
class ClusterJob(BaseJob):
    """A stage for nanotron, on the GPUs of `cluster`."""

    cluster: Cluster

    @property
    def layout(self) -> Layout:
        """How this stage is spread over GPUs."""
        return self.cluster.layout(self.name)

    def fingerprint(self) -> str:
        """Names the work in scratch: the inputs of training by content, configuration and layout.

        Code is not in it, as it is in the local engine's: an edit must not throw away a cluster's work unasked (see
        `check_code`). The held-out stream is not in it either; it is read after training.
        """
        return work_fingerprint(
            name=self.name,
            seed=self.seed,
            mix=self.mix,
            tokenizer=self.tokenizer,
            start=self.start,
            model=self.model.model_dump(),
            stage=self.stage.model_dump(),
            layout=self.layout.model_dump(),
            nanotron=VERSION,
        )


def run_stage(job: ClusterJob, scratch: Path) -> tuple[Path, pd.DataFrame, dict[str, Any]]:
    """Train the stage, or go on with it where an interrupted run left off.

    Returns the checkpoint folder (under `scratch`), the curve, and a summary, as the local engine's. nanotron's last
    checkpoint stays in `scratch`, so that a finished stage is never trained again by accident.

    Raises:
        UserError: the stage cannot run as configured, was begun by other code, or its run failed.
    """
    check(job, scratch)
    work = (scratch / job.fingerprint()).resolve()
    check_code(work)
    done = saves.newest(work / "checkpoints")
    if done:
        check_resume(done, layout_record(job.layout))
    if not done or done.name != str(job.stage.steps):
        _launch(job, prepare_stage(job, work), work)
    result = _collect(job, work)
    saves.keep_newest(work / "checkpoints", 1, job.cluster.keep_every)
    shutil.rmtree(work / "weights", ignore_errors=True)
    return result


def check(job: ClusterJob, scratch: Path) -> None:
    """Refuse what cannot run, before anything is launched.

    Raises:
        UserError: layout, memory, token stream, parent or disk space; with the numbers.
    """
    check_stage(job.model, job.stage, job.layout, job.cluster)
    if job.cluster.launcher == "local":
        check_layout(job.model, job.stage, job.layout, gpus=_gpus_here())
    mix, need = TokenStream.open(job.mix), job.stage.tokens + 1
    if len(mix) < need:
        raise UserError(f"{job.mix}: {len(mix):,} tokens, but the stage needs {need:,}; mix again")
    if job.start:
        verify(job.start)
    kept = job.cluster.keep + job.cluster.kept(job.stage)
    saved = (kept + 1) * checkpoint_bytes(job.model, job.layout)
    space = saved + 2 * hugging_face_bytes(job.model)
    scratch.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(scratch).free
    if free < space:
        raise UserError(
            f"{scratch}: {free / GB:.1f} GB free, but the stage's checkpoints need {space / GB:.1f} GB "
            f"({kept} kept and one being written, and the converted ones)"
        )


def check_code(work: Path) -> None:
    """Refuse to go on with what other code began: its record would name code that did not do it.

    Raises:
        UserError: names what changed, and both ways out.
    """
    found = work_code(entry.main)
    now = {**found["code"], **found["libraries"]}
    file = work / _CODE
    before = json.loads(file.read_text()) if file.exists() else now
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if changed:
        raise UserError(
            f"{work} was begun by other code; changed since: {', '.join(changed)}. To train from the beginning, delete "
            f"the folder; to go on with it because the change does not matter, delete only {_CODE} in it"
        )
    write_text(file, json.dumps(now, indent=2, sort_keys=True) + "\n")


def prepare_stage(job: ClusterJob, work: Path) -> Path:
    """Write initial weights and configuration into `work`; returns the configuration's path."""
    weights = work / "weights"
    if not weights.exists():
        from alignment_pretraining.pretraining.nanotron.conversion import to_nanotron

        part = work / "weights.part"
        shutil.rmtree(part, ignore_errors=True)
        to_nanotron(_initial_model(job).state_dict(), job.model, part)
        part.rename(weights)
    config = stage_config(
        job.model,
        job.stage,
        job.layout,
        name=job.name,
        seed=job.seed,
        mix=job.mix.resolve(),
        weights=weights,
        folder=work,
        save_every=job.cluster.save_every,
        keep=job.cluster.keep,
        keep_every=job.cluster.keep_every,
        staging=job.cluster.staging,
        skip_nonfinite=job.settings.skip_nonfinite,
    )
    return write_config(config, work / "config.yaml")


def layout_record(layout: Layout) -> dict[str, int]:
    """The part of a layout that a checkpoint's optimizer state is bound to."""
    return {"dp": layout.dp, "tp": layout.tp, "pp": layout.pp, "zero": layout.zero}


def read_curve(metrics: Path) -> list[dict[str, float]]:
    """The rows that the logging rank wrote, one a step, without timings."""
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    keys = ("step", "tokens", "loss", "lr", "grad_norm")
    return [{**{key: row[key] for key in keys}, "heldout_loss": math.nan} for row in rows]


def read_speed(metrics: Path, job: ClusterJob) -> list[dict[str, float]]:
    """Tokens/s of all GPUs together and MFU, by step; for MLflow, as `engine.Trained.speed`."""
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    peak = job.cluster.gpu.peak_tflops * job.layout.gpus
    speeds = {int(row["step"]): job.stage.batch_tokens / row["seconds"] for row in rows}
    return [
        {"step": step, "tokens_per_second": speed, "mfu": utilization(job.model, job.stage.context, peak, speed)}
        for step, speed in speeds.items()
    ]


def _gpus_here() -> int | None:
    """GPUs of this machine, or None where there is none and ranks run on CPUs."""
    import torch

    return torch.cuda.device_count() or None


def _launch(job: ClusterJob, config: Path, work: Path) -> None:
    if job.cluster.launcher == "slurm":
        from alignment_pretraining.pretraining.nanotron.slurm import run_slurm

        run_slurm(config, f"{job.name}-seed{job.seed}", job.layout, job.stage.steps, job.cluster)
    else:
        from alignment_pretraining.execution.torchrun import run_local

        label = f"{job.name} seed {job.seed}"
        metrics = work / "metrics.jsonl"
        log, steps = work / "job.log", job.stage.steps
        run_local(ENTRY, config, job.layout.gpus, log, metrics=metrics, steps=steps, label=label)


def _collect(job: ClusterJob, work: Path) -> tuple[Path, pd.DataFrame, dict[str, Any]]:
    """Convert the last checkpoint, and score it and those that are kept for good on the held-out stream."""
    from transformers import AutoTokenizer

    from alignment_pretraining.pretraining.nanotron.conversion import from_nanotron, to_model

    last = saves.newest(work / "checkpoints")
    if last is None or last.name != str(job.stage.steps):
        raise UserError(f"{work}: training ended without its last checkpoint, of step {job.stage.steps:,}")
    saves.verify(last)
    rows, speed = read_curve(work / "metrics.jsonl"), read_speed(work / "metrics.jsonl", job)
    tokenizer = AutoTokenizer.from_pretrained(job.tokenizer)
    prompt = tokenizer(job.settings.sample_prompt)["input_ids"]
    samples = {}
    kept = saves.kept_for_good(work / "checkpoints", job.cluster.keep_every)
    for save in sorted({*kept, last}, key=lambda path: int(path.name)):
        weights = from_nanotron(save, job.model)
        model = to_model(weights, job.model, eos=tokenizer.eos_token_id, pad=tokenizer.pad_token_id)
        rows[int(save.name) - 1]["heldout_loss"], written = _look_at(job, model, prompt)
        samples[save.name] = f"{job.settings.sample_prompt}{tokenizer.decode(written)}"
    summary: dict[str, Any] = {
        "stage": job.name,
        "seed": job.seed,
        "tokens": job.stage.tokens,
        "steps": job.stage.steps,
        "parameters": parameter_count(job.model),
        "final_loss": final_loss(rows),
        "heldout_loss": rows[-1]["heldout_loss"],
        "samples": samples,
    }
    summary |= skipped_steps(rows)
    record = {**summary, "layout": job.layout.model_dump(), "spec": job.stage.model_dump()}
    checkpoint = save_checkpoint(model, job.tokenizer, work / "checkpoint", record)
    curve = pd.DataFrame(rows)
    curve.attrs["speed"] = speed
    return checkpoint, curve, summary


def _look_at(job: ClusterJob, model: Any, prompt: list[int]) -> tuple[float, list[int]]:
    """The model's loss on the held-out stream, and how it continues `prompt`."""
    import torch

    from alignment_pretraining.pretraining.local.engine import continuation, heldout_loss, precision
    from alignment_pretraining.pretraining.local.gpu_llama import fast_llama
    from alignment_pretraining.pretraining.local.replicas import Replicas

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fast = fast_llama(model.to(device), precision(job.settings.precision, device))
    loss = heldout_loss(Replicas(fast), TokenStream.open(job.heldout), job.stage.context, job.settings)
    return loss, continuation(fast, prompt, job.settings.sample_tokens)


def _initial_model(job: ClusterJob) -> Any:
    """The parent's model, or the one that the local engine would start from with this seed."""
    if job.start:
        from alignment_pretraining.pretraining.local.checkpoint import load_parent

        return load_parent(job.start, job.model)
    from alignment_pretraining.pretraining.local.llama import new_model

    return new_model(job.model, job.seed, eos=None, pad=None)
