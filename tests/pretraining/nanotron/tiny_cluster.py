"""A model, stages and a cluster small enough for torchrun on two cores."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from alignment_pretraining.core.model import Model
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.engine import train
from alignment_pretraining.pretraining.local.llama import new_model
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, Gpu
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.study import TrainingStage

VOCABULARY, STEPS = 512, 24
UNTIED = Model(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=64,
    layers=4,
    heads=4,
    max_context=64,
    tie_embeddings=False,
)
TIED = UNTIED.model_copy(update={"tie_embeddings": True})
STAGE = TrainingStage(
    tokens=STEPS * 256, context=64, batch_tokens=256, max_lr=1e-2, min_lr=1e-3, warmup=0.1, synthetic_share=0.0
)
SETTINGS = EngineConfig(precision="fp32", evaluations=2, heldout_tokens=512)
GPU = Gpu(name="tiny", memory_gb=1, peak_tflops=1, mfu=0.5, price_per_hour=2, currency="USD", sources={})


def cluster(layout: Layout, **changes: Any) -> Cluster:
    """A machine of eight GPUs that trains pretraining at `layout`."""
    fields = {"launcher": "local", "gpu": GPU, "gpus_per_node": 8, "save_every": 6, "layouts": {"pretraining": layout}}
    return Cluster.model_validate({**fields, **changes})


def write_stream(folder: Path, count: int, seed: int) -> Path:
    """A token stream whose next token is mostly the last one plus seven."""
    folder.mkdir(parents=True)
    tokens = np.cumsum(np.random.default_rng(seed).choice([7, 7, 7, 11], count)) % VOCABULARY
    tokens.astype("<u2").tofile(folder / "tokens.ds")
    (folder / "tokens.ds.metadata").write_text(f"tokenizer|2\n{count}\n{count} T")
    return folder


def train_locally(model: Model, mix: Path, heldout: Path, work: Path) -> tuple[Any, list[dict[str, float]]]:
    """The local engine in float32 from the weights of seed 0: its model and its curve."""
    llama = new_model(model, 0, eos=None, pad=None)
    trained = train(llama, TokenStream.open(mix), TokenStream.open(heldout), STAGE, SETTINGS, work)
    return llama, trained.progress.rows


def logits_of(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Logits of a Hugging Face model, (batch, context, vocabulary)."""
    with torch.no_grad():
        logits: torch.Tensor = model(tokens).logits
        return logits
