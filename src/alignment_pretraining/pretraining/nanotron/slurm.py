"""Runs a stage's ranks as one Slurm job over the machines that its layout fills."""

from pathlib import Path

from alignment_pretraining.execution import saves
from alignment_pretraining.execution.ranks import Ranks, run_ranks
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.config import ENTRY
from alignment_pretraining.pretraining.nanotron.layout import Layout


def stage_ranks(config: Path, label: str, layout: Layout, cluster: Cluster) -> Ranks:
    """The ranks that train the stage of `config`, in its folder."""
    return Ranks(ENTRY, config, label, about=str(layout), processes=layout.gpus, machines=cluster.machines())


def run_slurm(config: Path, label: str, layout: Layout, steps: int, cluster: Cluster) -> None:
    """Submit the stage of `config` and wait for its last step (`execution.ranks.run_ranks`).

    Raises:
        UserError: no Slurm here, or the stage is not finished; names the log.
    """
    folder = config.parent
    run_ranks(stage_ranks(config, label, layout, cluster), steps, folder / "metrics.jsonl", lambda: saved_step(folder))


def saved_step(folder: Path) -> int:
    """The step of the newest complete checkpoint of a stage's folder; 0 where there is none."""
    last = saves.newest(folder / "checkpoints")
    return int(last.name) if last else 0
