"""Packing as trees changes no score, whatever the texts share."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.evaluation.forward import grow_trees, log_probabilities, pack

ids = st.lists(st.integers(0, 3), min_size=1, max_size=6)  # few ids, so that beginnings are shared
prompts = st.lists(st.tuples(ids, ids, ids), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def model() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=8, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=16, initializer_range=0.5,
        )
    ).eval()  # fmt: skip


def alone(model: Any, context: list[int], option: list[int]) -> float:
    with torch.inference_mode():
        scores = torch.log_softmax(model(torch.tensor([[*context, *option]])).logits[0], -1)
    return sum(float(scores[len(context) - 1 + n, token]) for n, token in enumerate(option))


@settings(max_examples=30)
@given(prompts, st.integers(1, 3), st.booleans())
def test_scores_are_those_of_each_text_alone(
    model: Any, prompts: list[tuple[list[int], ...]], batch_size: int, backwards: bool
) -> None:
    packed = [
        one for n, (context, *options) in enumerate(prompts) for one in pack(n, context, [context + o for o in options])
    ]
    found = {
        (number, place): total
        for number, place, total in log_probabilities(model, grow_trees(packed[:: -1 if backwards else 1]), batch_size)
    }
    assert len(found) == 2 * len(prompts)
    for number, (context, *options) in enumerate(prompts):
        for place, option in enumerate(options):
            assert found[number, place] == pytest.approx(alone(model, context, option), abs=1e-4)


def test_a_tokenizer_that_merges_across_the_border_is_scored_by_its_own_tokens(model: Any) -> None:
    [first, second] = pack(0, [1, 2], [[1, 2, 3], [1, 0, 3]])
    found = {place: total for _, place, total in log_probabilities(model, grow_trees([first, second]), 1)}
    assert found == pytest.approx({0: alone(model, [1, 2], [3]), 1: alone(model, [1, 0], [3])}, abs=1e-4)
