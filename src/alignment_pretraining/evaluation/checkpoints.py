"""Checkpoints from elsewhere: a folder, or a model on the Hugging Face hub; weights are read from safetensors alone."""

from __future__ import annotations

from pathlib import Path

from alignment_pretraining.core import hub
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.study import Checkpoint

# Of a model's repository: weights, configuration and tokenizer, and no pickles.
FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def checkpoint_folder(checkpoint: Checkpoint) -> Path:
    """Where the checkpoint's files lie on this machine; those of the hub are fetched when they are not here.

    Raises:
        UserError: there is no such folder, name or revision, or it has no weights as safetensors.
    """
    if checkpoint.folder is not None:
        folder, what = Path(checkpoint.folder), f"checkpoint {checkpoint.folder}"
        if not folder.is_dir():
            raise UserError(f"{what}: there is no such folder; correct study.checkpoints")
    else:
        assert checkpoint.hub is not None and checkpoint.revision is not None, "the study's specification sees to it"
        folder = hub.fetch(checkpoint.hub, checkpoint.revision, "model", FILES)
        what = f"checkpoint {checkpoint.hub}@{checkpoint.revision}"
    if not any(folder.glob("*.safetensors")):
        pickled = [file.name for pattern in _PICKLES for file in sorted(folder.glob(pattern))]
        found = f"its weights are pickled ({pickled[0]}), and" if pickled else "it has no safetensors, and"
        raise UserError(
            f"{what}: {found} only safetensors are read, because a pickle runs code; where you trust it, read it "
            "with transformers and write it with save_pretrained"
        )
    return folder
