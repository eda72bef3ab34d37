"""The local engine and nanotron on one GPU against a plain PyTorch loop over the Hugging Face model.

It prints tokens/s, MFU, and peak memory where the loop runs in this process's child.

    python benchmarks/gpu.py --peak-tflops 989                 # 1.0B parameters, context 2,048: an H200's dense bf16
    python benchmarks/gpu.py --peak-tflops 1 --model tiny      # a look at the script itself, on CPUs too

They run one after the other, each in a process of its own, on the same random tokens. The first steps, in which
kernels are compiled, are not counted.
"""

import argparse
import math
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from results import write_result

from alignment_pretraining.core.model import Model, parameter_count, utilization
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.study import TrainingStage

SHAPES = {
    "1b": Model(vocab_size=32_768, hidden_size=2_048, intermediate_size=5_632, layers=18, heads=16, max_context=2_048),
    "tiny": Model(vocab_size=512, hidden_size=64, intermediate_size=128, layers=2, heads=2, max_context=2_048),
}
WARM_UP, STEPS = 5, 20

Speed = tuple[float, float]  # tokens/s, peak GiB


def main() -> None:
    """Print a line for each, and keep all in `benchmarks/results/gpu.json`; a look at the script is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peak-tflops", type=float, required=True, help="of the GPU, dense bf16")
    parser.add_argument("--model", choices=SHAPES, default="1b")
    parser.add_argument("--micro-batch", type=int, default=8, help="sequences at once")
    parser.add_argument("--context", type=int, default=2_048)
    arguments = parser.parse_args()

    model = SHAPES[arguments.model]
    batch = 4 * arguments.micro_batch * arguments.context
    stage = TrainingStage(
        tokens=(WARM_UP + STEPS) * batch,
        context=arguments.context,
        batch_tokens=batch,
        max_lr=1e-4,
        min_lr=0,
        warmup=0.1,
        synthetic_share=0,
    )
    count = parameter_count(model) / 1e9
    print(f"{count:.2f}B parameters, context {stage.context:,}, {batch:,} tokens a step, {STEPS} steps")
    loops: dict[str, Callable[[Model, TrainingStage, int], Speed]] = {
        "engine": engine,
        "nanotron": nanotron,
        "plain loop": plain_loop,
    }
    found = {}
    for name, loop in loops.items():
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            speed, memory = pool.submit(loop, model, stage, arguments.micro_batch).result()
        mfu = utilization(model, stage.context, arguments.peak_tflops, speed)
        print(f"{name:12} {speed:12,.0f} tokens/s {mfu:8.1%} MFU {memory:8.1f} GiB at most", flush=True)
        found[name] = {"tokens_per_second": speed, "mfu": mfu, "peak_gib": None if math.isnan(memory) else memory}
    if arguments.model != "tiny":
        measured = {"parameters": parameter_count(model), "stage": stage.model_dump(), "loops": found}
        write_result("gpu", {**measured, "peak_tflops": arguments.peak_tflops}, ["torch", "transformers", "nanotron"])


def engine(model: Model, stage: TrainingStage, micro_batch: int) -> Speed:
    """This project's training loop."""
    from alignment_pretraining.core.token_stream import TokenStream
    from alignment_pretraining.pretraining.local.engine import train
    from alignment_pretraining.pretraining.local.llama import new_model

    settings = EngineConfig(
        micro_batch_tokens=micro_batch * stage.context,
        precision="bf16",
        save_every=stage.steps,
        evaluations=1,
        heldout_tokens=stage.context,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = TokenStream.open(_write_stream(folder, model, stage))
        trained = train(new_model(model, 0, eos=0, pad=1), stream, stream, stage, settings, folder / "work")
    return statistics.median(row["tokens_per_second"] for row in trained.speed[WARM_UP:]), _peak_memory()


def nanotron(model: Model, stage: TrainingStage, micro_batch: int) -> Speed:
    """nanotron in one process, torch in place of flash-attn where that is not installed; its memory is not seen."""
    import json

    from alignment_pretraining.execution.torchrun import run_local
    from alignment_pretraining.pretraining.local.llama import new_model
    from alignment_pretraining.pretraining.nanotron.config import ENTRY, stage_config, write_config
    from alignment_pretraining.pretraining.nanotron.conversion import to_nanotron
    from alignment_pretraining.pretraining.nanotron.layout import Layout

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = stage_config(
            model,
            stage,
            Layout(micro_batch=micro_batch, zero=0),
            name="benchmark",
            seed=0,
            mix=_write_stream(folder, model, stage),
            weights=to_nanotron(new_model(model, 0, eos=0, pad=1).state_dict(), model, folder / "weights"),
            folder=folder,
            save_every=stage.steps,
        )
        metrics = folder / "metrics.jsonl"
        path = write_config(config, folder / "config.yaml")
        run_local(ENTRY, path, 1, folder / "job.log", metrics=metrics, steps=stage.steps, label="nanotron")
        seconds = [json.loads(line)["seconds"] for line in metrics.read_text().splitlines()]
    return stage.batch_tokens / statistics.median(seconds[WARM_UP:]), math.nan


def plain_loop(model: Model, stage: TrainingStage, micro_batch: int) -> Speed:
    """What a tutorial does: the Hugging Face model under bf16 autocast, fused AdamW, accumulated gradients."""
    import torch

    from alignment_pretraining.pretraining.local.llama import new_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    llama = new_model(model, 0, eos=0, pad=1).to(device)
    optimizer = torch.optim.AdamW(llama.parameters(), lr=stage.max_lr, fused=True)
    rows = torch.from_numpy(_tokens(model, stage)[:-1].reshape(stage.steps, -1, micro_batch, stage.context))
    speeds = []
    for step in rows:
        started = time.perf_counter()
        for piece in step.to(device):
            with torch.autocast(device, torch.bfloat16):
                loss = llama(piece, labels=piece).loss / len(step)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(llama.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for the GPU
        speeds.append(stage.batch_tokens / (time.perf_counter() - started))
    return statistics.median(speeds[WARM_UP:]), _peak_memory()


def _tokens(model: Model, stage: TrainingStage) -> np.ndarray:
    return np.random.default_rng(0).integers(0, model.vocab_size, stage.tokens + 1)


def _write_stream(folder: Path, model: Model, stage: TrainingStage) -> Path:
    _tokens(model, stage).astype("<u2").tofile(folder / "tokens.ds")
    (folder / "tokens.ds.metadata").write_text(f"random|2\n{stage.tokens + 1}\n")
    return folder


def _peak_memory() -> float:
    import torch

    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0


if __name__ == "__main__":
    main()
