"""Training speed of the local engine against Hugging Face's Trainer: same model, same tokens, two cores, in one run.

The variants run in rounds, so that all of them meet the same noise, and not in this process. The Trainer's clock
starts after its second step and covers training alone; the engine's covers its whole loop, one held-out window and
saved state included. Usage: `python benchmarks/training.py`.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from results import write_result

from alignment_pretraining.core.model import Model
from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.study import Study, TrainingStage

STUDY = Path(__file__).parents[1] / "conf/base/study.yml"
CORES = 2
STEPS = 64


def main() -> None:
    """Print the median tokens/s of each variant over the rounds, and its ratio to the Trainer at its defaults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds

    study = Study.model_validate(yaml.safe_load(STUDY.read_text())["study"])
    stage = study.stages.pretraining
    stage = stage.model_copy(update={"tokens": STEPS * stage.batch_tokens})
    alike, bf16 = {"per_device_train_batch_size": _rows(stage)}, {"bf16": True}
    variants: dict[str, Callable[[], float]] = {
        "Trainer, defaults": lambda: _in_own_process(_trainer, study.model, stage, CORES, {}),
        "Trainer, bf16, same batch": lambda: _in_own_process(_trainer, study.model, stage, CORES, alike | bf16),
        "Trainers, 2 processes x 1 thread": lambda: _in_workers(CORES, _trainer, study.model, stage, 1, alike),
        "Trainers in bf16": lambda: _in_workers(CORES, _trainer, study.model, stage, 1, alike | bf16),
        "engine, 1 process x 2 threads": lambda: _in_workers(1, _engine, study.model, stage, CORES, "auto"),
        "engines, 2 processes x 1 thread": lambda: _in_workers(CORES, _engine, study.model, stage, 1, "auto"),
        "engines in bf16": lambda: _in_workers(CORES, _engine, study.model, stage, 1, "bf16"),
        "engines in fp32": lambda: _in_workers(CORES, _engine, study.model, stage, 1, "fp32"),
    }
    speeds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, measure in variants.items():
            speeds[name].append(measure())
    base = statistics.median(speeds["Trainer, defaults"])
    print(
        f"{CORES} cores, context {stage.context}, {stage.batch_tokens:,} tokens a step, {STEPS} steps, {rounds} rounds"
    )
    for name, values in speeds.items():
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        median = statistics.median(values)
        print(f"{name:32s} {median:8,.0f} tokens/s ({spread})  {median / base:5.2f} x the Trainer's defaults")
    found = {"stage": stage.model_dump(), "steps": STEPS, "tokens_per_second": speeds}
    write_result("training", found, ["torch", "transformers", "numpy"])


def _rows(stage: TrainingStage) -> int:
    return stage.batch_tokens // stage.context


def _in_own_process(function: Callable[..., float], *args: Any) -> float:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def _in_workers(count: int, function: Callable[..., float], *args: Any) -> float:
    """Tokens/s of `count` worker processes together, the ones that training nodes run in."""
    with ThreadPoolExecutor(count) as pool:
        return sum(run.result() for run in [pool.submit(run_in_worker, function, *args) for _ in range(count)])


def _tokens(spec: Model, count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, spec.vocab_size, count)


def _engine(spec: Model, stage: TrainingStage, threads: int, precision: Literal["auto", "bf16", "fp32"]) -> float:
    from alignment_pretraining.core.token_stream import TokenStream
    from alignment_pretraining.pretraining.local.engine import train
    from alignment_pretraining.pretraining.local.llama import new_model

    settings = EngineConfig(threads=threads, precision=precision, evaluations=1, heldout_tokens=stage.context)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        _tokens(spec, stage.tokens + 1).astype("<u2").tofile(path / "tokens.ds")
        (path / "tokens.ds.metadata").write_text(f"random|2\n{stage.tokens + 1}\n")
        stream, model = TokenStream.open(path), new_model(spec, 0, eos=0, pad=1)
        train(model, stream, stream, stage.model_copy(update={"tokens": 2 * stage.batch_tokens}), settings, path / "a")
        started = time.perf_counter()
        train(model, stream, stream, stage, settings, path / "b")
        return stage.tokens / (time.perf_counter() - started)


def _trainer(spec: Model, stage: TrainingStage, threads: int, options: dict[str, Any]) -> float:
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

    from alignment_pretraining.pretraining.local.llama import new_model

    class Clock(TrainerCallback):
        """Times every step after the second."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.times.append(time.perf_counter())

    torch.set_num_threads(threads)
    rows = _tokens(spec, stage.tokens).reshape(-1, stage.context)
    data = Dataset.from_dict({"input_ids": rows, "labels": rows}).with_format("torch")
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=1, use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True, **options
        )
        trainer = Trainer(new_model(spec, 0, eos=0, pad=1), arguments, train_dataset=data, callbacks=[clock])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        tokens = arguments.per_device_train_batch_size * stage.context * (len(clock.times) - 2)
    return tokens / (clock.times[-1] - clock.times[1])


if __name__ == "__main__":
    main()
