"""Weights in nanotron's layout: rows are reordered and never lost, and a shard more or less is seen."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model, parameter_count
from alignment_pretraining.pretraining.nanotron import flash, names
from alignment_pretraining.pretraining.nanotron.conversion import check_architecture, from_nanotron, to_nanotron

SHAPE = Model(vocab_size=16, hidden_size=8, intermediate_size=12, layers=2, heads=2, max_context=16)


def _weights(model: Model = SHAPE) -> dict[str, Tensor]:
    generator, hidden, inner = torch.Generator().manual_seed(0), model.hidden_size, model.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (model.vocab_size, hidden)}
    for layer in range(model.layers):
        for name in "qkvo":
            shapes[f"model.layers.{layer}.self_attn.{name}_proj.weight"] = (hidden, hidden)
        for name, shape in {"gate": (inner, hidden), "up": (inner, hidden), "down": (hidden, inner)}.items():
            shapes[f"model.layers.{layer}.mlp.{name}_proj.weight"] = shape
        for name in ("input", "post_attention"):
            shapes[f"model.layers.{layer}.{name}_layernorm.weight"] = (hidden,)
    shapes["model.norm.weight"] = (hidden,)
    if not model.tie_embeddings:
        shapes["lm_head.weight"] = (model.vocab_size, hidden)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@given(heads=st.integers(1, 4), half=st.integers(1, 4))
def test_rows_of_a_head_are_paired_with_those_half_of_it_further_on(heads: int, half: int) -> None:
    rows = 2 * half * heads
    weight = torch.arange(rows * 3.0).view(rows, 3)
    woven = names.interleave(weight, heads)
    assert torch.equal(names.halve(woven, heads), weight)
    for head in range(heads):
        first = 2 * half * head
        for place in range(half):
            assert torch.equal(woven[first + 2 * place], weight[first + place])
            assert torch.equal(woven[first + 2 * place + 1], weight[first + half + place])


@pytest.mark.parametrize("tied", [True, False])
def test_every_weight_has_one_place(tied: bool) -> None:
    model = SHAPE.model_copy(update={"tie_embeddings": tied})
    packed = names.parameters(model)
    parts = [part for each in packed for part in each.parts]
    assert sorted(parts) == sorted(_weights(model))
    assert len({each.name for each in packed}) == len(packed)
    weights = _weights(model)
    assert sum(names.pack(each, weights.__getitem__, 2).numel() for each in packed) == parameter_count(model)


def _write_in_shards(folder: Path, tp: int) -> None:
    """What `to_nanotron` wrote, as `tp` tensor ranks would: each parted along its first dimension."""
    from safetensors.torch import load_file, save_file

    for file in folder.rglob("model_weight_pp-*.safetensors"):
        data = load_file(file)["data"]
        file.unlink()
        rest = "|None,None,None" * (data.dim() - 1)
        for rank, part in enumerate(data.chunk(tp)):
            size = len(part)
            metadata = {
                "unsharded_shape": str(tuple(data.shape)),
                "local_global_slices_pairs": f"0,{size},None{rest}#{rank * size},{(rank + 1) * size},None{rest}",
            }
            path = file.with_name(f"model_weight_pp-rank-0-of-1_tp-rank-{rank}-of-{tp}.safetensors")
            save_file({"data": part.contiguous()}, path, metadata=metadata)


@pytest.mark.parametrize(("tp", "tied"), [(1, True), (2, True), (4, False)])
def test_shards_of_any_number_of_ranks_are_put_together(tmp_path: Path, tp: int, tied: bool) -> None:
    model = SHAPE.model_copy(update={"tie_embeddings": tied})
    weights = _weights(model)
    to_nanotron(weights, model, tmp_path)
    _write_in_shards(tmp_path, tp)
    found = from_nanotron(tmp_path, model)
    if tied:
        assert torch.equal(found.pop("lm_head.weight"), weights["model.embed_tokens.weight"])
    assert found.keys() == weights.keys()
    for name, weight in weights.items():
        assert torch.equal(found[name], weight), name


def test_one_of_several_shards_that_is_missing_is_named_with_what_is_there(tmp_path: Path) -> None:
    to_nanotron(_weights(), SHAPE, tmp_path)
    _write_in_shards(tmp_path, 2)
    next(tmp_path.rglob("1/pp_block/attn/qkv_proj/*tp-rank-1-of-2*")).unlink()
    with pytest.raises(UserError, match=r"1/pp_block/attn/qkv_proj: 1 shards hold 96 of 192 values; one is missing"):
        from_nanotron(tmp_path, SHAPE)


def test_weights_stay_in_the_dtype_they_were_saved_in(tmp_path: Path) -> None:
    to_nanotron({name: weight.bfloat16() for name, weight in _weights().items()}, SHAPE, tmp_path)
    assert {weight.dtype for weight in from_nanotron(tmp_path, SHAPE).values()} == {torch.bfloat16}


@pytest.mark.parametrize("text", [None, "", '{"vocab_size": 1'])
def test_a_description_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "model_config.json").write_text(text)
    with pytest.raises(UserError, match=r"model_config\.json: not readable as a nanotron checkpoint's description"):
        check_architecture(tmp_path, SHAPE)


def test_every_difference_of_a_model_is_named(tmp_path: Path) -> None:
    to_nanotron(_weights(), SHAPE, tmp_path)
    other = SHAPE.model_copy(update={"vocab_size": 32, "tie_embeddings": False})
    with pytest.raises(
        UserError, match=r"another model .*\(vocab_size 16, not 32; tie_word_embeddings True, not False\)"
    ):
        check_architecture(tmp_path, other)


def test_what_the_stand_in_for_flash_attention_cannot_do_is_refused() -> None:
    q = torch.zeros(5, 2, 4)
    with pytest.raises(NotImplementedError, match="5 positions are not 2 sequences of 3: install flash-attn"):
        flash.flash_attn_varlen_func(q, q, q, torch.tensor([0, 2, 5]), 3)
    with pytest.raises(NotImplementedError, match="only the interleaved rotary layout"):
        flash.RotaryEmbedding(4)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_heads_that_share_keys_read_those_of_their_group(groups: int, causal: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    q, (k, v) = torch.randn(6, 4, 8, generator=generator), torch.randn(2, 6, groups, 8, generator=generator)
    ends: Any = torch.tensor([0, 3, 6])
    shared = flash.flash_attn_varlen_func(q, k, v, ends, 3, causal=causal)
    keys, values = (x.repeat_interleave(4 // groups, 1) for x in (k, v))
    torch.testing.assert_close(shared, flash.flash_attn_varlen_func(q, keys, values, ends, 3, causal=causal))


def test_norms_of_both_kinds_are_computed_in_float32() -> None:
    x, weight = torch.full((2, 4), 300.0, dtype=torch.bfloat16), torch.full((4,), 2.0)
    normed = flash.layer_norm_fn(x, weight, None, is_rms_norm=True)
    assert normed.dtype == torch.bfloat16 and torch.equal(normed.float(), torch.full((2, 4), 2.0))
    centred = flash.layer_norm_fn(torch.tensor([[1.0, 3.0]]), torch.ones(2), torch.ones(2))
    torch.testing.assert_close(centred, torch.tensor([[0.0, 2.0]]))
