"""Run in one process: the logits that nanotron's own model gives for a batch, from a configuration's weights."""

import os
import socket
import sys
from pathlib import Path

import torch


def main(config: Path, batch: Path, out: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    os.environ.update(alone)
    from alignment_pretraining.pretraining.nanotron import compatibility, cpu

    compatibility.prepare()
    cpu.start()
    from alignment_pretraining.pretraining.nanotron.trainer import StageTrainer

    model = StageTrainer(config).unwrapped_model.model
    tokens = torch.load(batch)
    with torch.no_grad():
        logits = model(input_ids=tokens, input_mask=torch.ones_like(tokens, dtype=torch.bool))
    torch.save(logits.transpose(0, 1).clone(), out)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
