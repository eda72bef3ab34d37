"""Streams, a tokenizer, and stages that are trained once for all tests that look at them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.pretraining.nanotron.stage import ClusterJob
from tests.pretraining.nanotron.tiny_cluster import SETTINGS, STAGE, UNTIED, cluster, train_locally, write_stream


@pytest.fixture(scope="session")
def make_job(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ClusterJob]:
    """A job on one GPU in float32; keyword arguments replace its fields."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("cluster_inputs")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    base = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(alphabet)}, merges=[]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=base, eos_token="<|endoftext|>", pad_token="<|pad|>")
    tokenizer.save_pretrained(folder / "tokenizer")
    job = ClusterJob(
        name="pretraining",
        seed=0,
        mix=write_stream(folder / "mix", STAGE.tokens + 1, seed=0),
        heldout=write_stream(folder / "heldout", 1_025, seed=1),
        tokenizer=folder / "tokenizer",
        start=None,
        model=UNTIED,
        stage=STAGE,
        settings=SETTINGS,
        cluster=cluster(Layout(dtype="float32")),
    )

    def make(**changes: Any) -> ClusterJob:
        return replace(job, **changes)

    return make


@pytest.fixture(scope="session")
def locally(
    make_job: Callable[..., ClusterJob], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Model], tuple[Any, list[dict[str, float]]]]:
    """The local engine's model and curve for a model's shape, trained once each."""
    job, done = make_job(), {}

    def run(model: Model) -> tuple[Any, list[dict[str, float]]]:
        if model not in done:
            done[model] = train_locally(model, job.mix, job.heldout, tmp_path_factory.mktemp("local"))
        return done[model]

    return run
