"""What every rank of a stage runs: `torchrun ... -m alignment_pretraining.pretraining.nanotron.entry config.yaml`."""

import sys
from pathlib import Path


def main(path: Path) -> None:
    """Train the stage that the configuration at `path` describes; run again, it goes on from the last checkpoint."""
    import torch

    from alignment_pretraining.pretraining.nanotron import cpu
    from alignment_pretraining.pretraining.nanotron.compatibility import prepare

    prepare()
    if not torch.cuda.is_available():
        cpu.start()
    from alignment_pretraining.pretraining.nanotron.trainer import StageTrainer

    StageTrainer(path).run()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
