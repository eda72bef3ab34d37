"""Checkpoints: Hugging Face folders with a `training.json` that says how they came about and hashes every file."""

import json
import shutil
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import flush
from alignment_pretraining.core.hashing import file_md5, folder_md5s
from alignment_pretraining.core.model import Model

RECORD = "training.json"


def save_checkpoint(model: Any, tokenizer: Path, folder: Path, record: dict[str, Any]) -> Path:
    """Write model, tokenizer files and `record` as `folder`, which appears whole or not at all.

    Raises:
        UserError: a weight is not finite: training destroyed the model.
    """
    _refuse_destroyed(model, folder)
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _hide_progress()
    model.save_pretrained(temporary)
    for file in tokenizer_files(tokenizer):
        shutil.copyfile(file, temporary / file.name)
    record = {**record, "files": folder_md5s(temporary)}
    (temporary / RECORD).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    flush(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    return folder


def tokenizer_files(folder: Path) -> list[Path]:
    """The files in `folder` that belong to its tokenizer."""
    names = ("tokenizer", "special_tokens", "chat_template", "added_tokens", "vocab", "merges")
    return [file for file in sorted(folder.iterdir()) if file.is_file() and file.name.startswith(names)]


def verify(folder: Path) -> dict[str, Any]:
    """The record of a checkpoint, after checking that each file still has the content it was saved with.

    Raises:
        UserError: a file is missing, truncated or changed.
    """
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text())
        files = record["files"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder / RECORD}: not readable as a checkpoint's record; train this stage again") from error
    for name, expected in files.items():
        file = folder / name
        if not file.is_file():
            raise UserError(f"{file}: missing from the checkpoint; train this stage again")
        if file_md5(file) != expected:
            raise UserError(f"{file}: not the file that was saved (truncated or changed); train this stage again")
    return record


def load_checkpoint(folder: Path) -> Any:
    """The verified float32 model of a checkpoint folder.

    Raises:
        UserError: the checkpoint is damaged, or a weight in it is not finite.
    """
    import torch
    from transformers import AutoModelForCausalLM

    verify(folder)
    _hide_progress()
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True
    )
    _refuse_destroyed(model, folder)
    return model


def load_parent(folder: Path, spec: Model) -> Any:
    """The model of the stage before, which must have the shape of `spec`.

    Raises:
        UserError: the checkpoint is damaged or of another architecture.
    """
    model = load_checkpoint(folder)
    config = model.config
    found = {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "max_context": config.max_position_embeddings,
    }
    wrong = [f"{key} {value}, not {getattr(spec, key)}" for key, value in found.items() if value != getattr(spec, key)]
    if config.model_type != "llama" or wrong:
        raise UserError(f"{folder}: another model than study.model ({config.model_type}; {', '.join(wrong)})")
    return model


def _refuse_destroyed(model: Any, folder: Path) -> None:
    for name, weight in model.named_parameters():
        if not bool(weight.isfinite().all()):
            raise UserError(
                f"{folder}: the weight {name} holds numbers that are not finite: training destroyed the model. "
                "Lower the stage's max_lr in study.yml and train it again"
            )


def _hide_progress() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
