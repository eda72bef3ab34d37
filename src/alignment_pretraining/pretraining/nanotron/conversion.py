"""nanotron checkpoints to Hugging Face Llama folders and back, for any tp and pp.

Reads and writes nanotron's files directly, one weight at a time, with no process group: a shard's metadata says which
slices of the whole it holds (nanotron/serialize/metadata.py).
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.nanotron import names
from alignment_pretraining.pretraining.nanotron.config import llama_config

# nanotron/constants.py, CHECKPOINT_VERSION
_VERSION = "1.2"


def to_nanotron(weights: dict[str, Tensor], model: Model, folder: Path) -> Path:
    """Write Hugging Face `weights` as a nanotron checkpoint of weights alone, which any layout can start from."""
    from safetensors.torch import save_file

    for packed in names.parameters(model):
        value = names.pack(packed, weights.__getitem__, model.heads)
        path = _folder(folder, packed.name) / _file(packed)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"data": value.contiguous()}, path, metadata=_metadata(value) if packed.sharded else {})
    (folder / "model_config.json").write_text(json.dumps(llama_config(model), indent=2, sort_keys=True) + "\n")
    meta = {"version": _VERSION, "tp": 1, "dp": 1, "metas": {}}
    (folder / "checkpoint_metadata.json").write_text(json.dumps(meta, indent=2) + "\n")
    return folder


def from_nanotron(folder: Path, model: Model) -> dict[str, Tensor]:
    """The Hugging Face weights of a nanotron checkpoint written at any tp and pp, in the dtype it was saved with.

    Raises:
        UserError: the checkpoint is of another architecture, or a shard is missing.
    """
    check_architecture(folder, model)
    weights: dict[str, Tensor] = {}
    for packed in names.parameters(model):
        weights |= names.unpack(packed, _whole(folder, packed), model.heads)
    if model.tie_embeddings:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    return weights


def check_architecture(folder: Path, model: Model) -> None:
    """Compare the checkpoint's own description with `model`.

    Raises:
        UserError: names each difference.
    """
    path = folder / "model_config.json"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as a nanotron checkpoint's description ({error})") from error
    expected = llama_config(model)
    wrong = [f"{key} {found.get(key)}, not {value}" for key, value in expected.items() if found.get(key) != value]
    if wrong:
        raise UserError(f"{folder}: a checkpoint of another model than study.model ({'; '.join(wrong)})")


def to_model(weights: dict[str, Tensor], model: Model, *, eos: int | None, pad: int | None) -> Any:
    """A float32 `LlamaForCausalLM` with `weights`."""
    from transformers import LlamaForCausalLM
    from transformers.utils import logging

    from alignment_pretraining.pretraining.local.llama import new_model

    logging.disable_progress_bar()
    with torch.device("meta"):
        config = new_model(model, 0, eos=eos, pad=pad).config
    return LlamaForCausalLM.from_pretrained(None, config=config, state_dict=weights, dtype=torch.float32)


def _whole(folder: Path, packed: names.PackedWeight) -> Tensor:
    """One parameter, put together from its shards."""
    from safetensors import safe_open

    path = _folder(folder, packed.name)
    shards = sorted(path.glob(f"model_{packed.name.rpartition('.')[2]}*.safetensors"))
    if not shards:
        raise UserError(f"{path}: no weight file; the checkpoint is not complete")
    whole: Tensor | None = None
    held = 0
    for shard in shards:
        with safe_open(shard, framework="pt") as file:
            data: Tensor = file.get_tensor("data")
            metadata = file.metadata() or {}
        if not packed.sharded:
            return data
        if whole is None:
            whole = torch.empty(_numbers(metadata["unsharded_shape"]), dtype=data.dtype)
        for pair in metadata["local_global_slices_pairs"].split(";"):
            local, place = (tuple(_slice(one) for one in side.split("|")) for side in pair.split("#"))
            whole[place] = data[local]
        held += data.numel()
    assert whole is not None
    if held != whole.numel():
        raise UserError(f"{path}: {len(shards)} shards hold {held:,} of {whole.numel():,} values; one is missing")
    return whole


def _folder(checkpoint: Path, name: str) -> Path:
    return checkpoint.joinpath("model", *name.split(".")[:-1])


def _file(packed: names.PackedWeight) -> str:
    return "model_weight_pp-rank-0-of-1_tp-rank-0-of-1.safetensors" if packed.sharded else "model_weight.safetensors"


def _metadata(value: Tensor) -> dict[str, str]:
    everything = "|".join("None,None,None" for _ in value.shape)
    return {
        "version": _VERSION,
        "local_global_slices_pairs": f"{everything}#{everything}",
        "unsharded_shape": str(tuple(value.shape)),
    }


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.strip("()").split(",") if number.strip()]


def _slice(text: str) -> slice:
    return slice(*(None if part == "None" else int(part) for part in text.split(",")))
