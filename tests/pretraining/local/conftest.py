"""A tiny tokenizer, token streams with something to learn, and a training job over them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.job import StageJob
from alignment_pretraining.study import TrainingStage

VOCABULARY = 512
MODEL = Model(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, layers=2, heads=2, max_context=128)
STAGE = TrainingStage(
    tokens=16_384, context=64, batch_tokens=1_024, max_lr=1e-2, min_lr=1e-3, warmup=0.1, synthetic_share=0.0
)


def write_stream(folder: Path, tokens: np.ndarray, width: int = 2) -> Path:
    """A folder with one shard in datatrove's format."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens.astype(f"<u{width}").tofile(folder / "tokens.ds")
    (folder / "tokens.ds.metadata").write_text(f"tokenizer|{width}\n{len(tokens)}\n{len(tokens)} T")
    return folder


def learnable(count: int, seed: int) -> np.ndarray:
    """A noisy walk: the next token is mostly the last one plus a fixed step."""
    generator = np.random.default_rng(seed)
    return np.cumsum(generator.choice([7, 7, 7, 11], count)) % VOCABULARY


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    base = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(alphabet)}, merges=[]))
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    base.decoder = decoders.ByteLevel()
    folder = tmp_path_factory.mktemp("tokenizer")
    PreTrainedTokenizerFast(tokenizer_object=base, eos_token="<|endoftext|>", pad_token="<|pad|>").save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="session")
def streams(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("streams")
    mix = write_stream(folder / "mix", learnable(STAGE.tokens + 1, seed=0))
    return mix, write_stream(folder / "heldout", learnable(4_097, seed=1))


@pytest.fixture
def make_job(streams: tuple[Path, Path], tokenizer: Path) -> Callable[..., StageJob]:
    """A job over the streams; keyword arguments replace its fields."""
    job = StageJob(
        name="pretraining",
        seed=0,
        mix=streams[0],
        heldout=streams[1],
        tokenizer=tokenizer,
        start=None,
        model=MODEL,
        stage=STAGE,
        settings=EngineConfig(save_every=4, heldout_tokens=2_048),
    )

    def make(**changes: Any) -> StageJob:
        return replace(job, **changes)

    return make
