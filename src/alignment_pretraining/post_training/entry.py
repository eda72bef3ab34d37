"""What every process of a stage runs: `torchrun ... -m alignment_pretraining.post_training.entry recipe.json`."""

import os
import sys
from pathlib import Path


def main(path: Path) -> None:
    """Train the stage of the recipe at `path`; run again, it goes on from the last save."""
    os.environ["TQDM_DISABLE"] = "1"
    import datasets
    import torch

    from alignment_pretraining.execution.outcome import leave_outcome
    from alignment_pretraining.post_training.launch import EXAMPLES, read_recipe
    from alignment_pretraining.post_training.train import train

    datasets.disable_progress_bars()
    work = path.parent
    result = train(read_recipe(path), datasets.load_from_disk(str(work / EXAMPLES)), work)
    if result:
        leave_outcome(result, work)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
