"""The arithmetic of the decoder, by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model, flops_per_token, layer_parameters, parameter_count, utilization
from alignment_pretraining.core.spec import parse

SMALL: dict[str, Any] = {
    "vocab_size": 10,
    "hidden_size": 4,
    "intermediate_size": 6,
    "layers": 3,
    "heads": 2,
    "max_context": 8,
}
TIED, UNTIED = Model(**SMALL), Model(**SMALL, tie_embeddings=False)


def test_parameters_by_hand() -> None:
    layer = 4 * 16 + 3 * 24 + 2 * 4
    assert layer_parameters(TIED) == layer == 144
    assert parameter_count(TIED) == 40 + 3 * 144 + 4
    assert parameter_count(UNTIED) == 80 + 3 * 144 + 4


def test_flops_by_hand() -> None:
    assert flops_per_token(TIED, 8) == 6 * (476 + 3 * 4 * 8)
    assert flops_per_token(TIED, 8, passes=2) * 3 == flops_per_token(TIED, 8)


def test_a_processor_at_its_peak_is_fully_used() -> None:
    at_peak = 1e12 / flops_per_token(TIED, 8)
    assert utilization(TIED, 8, peak_tflops=1, tokens_per_second=at_peak) == pytest.approx(1)
    assert utilization(TIED, 8, peak_tflops=4, tokens_per_second=at_peak) == pytest.approx(0.25)


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_only_attention_grows_with_the_context(one: int, other: int) -> None:
    apart = flops_per_token(TIED, one) - flops_per_token(TIED, other)
    assert apart == 6 * 3 * 4 * (one - other)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"heads": 3}, "model: hidden_size 4 is not a multiple of heads 3"),
        ({"layers": 0}, "model.layers: Input should be greater than 0 (got 0)"),
        ({"hidden_size": 4.5}, "model.hidden_size: Input should be a valid integer"),
        ({"head": 2}, "model.head: unknown key; allowed here: vocab_size, hidden_size"),
        ({"vocab_size": None}, "model.vocab_size: Input should be a valid integer"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as error:
        parse(Model, SMALL | change, "study.yml", "model")
    assert said in str(error.value)
    assert str(error.value).startswith("study.yml: 1 to correct:")
