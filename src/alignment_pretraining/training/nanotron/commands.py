"""What `kedro plan` and `kedro rehearse` do, given a study and its cluster."""

import tempfile
from pathlib import Path

from alignment_pretraining.study import Study
from alignment_pretraining.training.nanotron.cluster import Cluster, check_stage


def plan(study: Study, cluster: Cluster) -> None:
    """Print steps, GPU-hours, cost, memory and checkpoint sizes of every stage, and what arms share.

    Raises:
        UserError: after the tables, that a stage cannot run as laid out.
    """
    from rich.console import Console

    from alignment_pretraining.training.nanotron.plan import make_plan
    from alignment_pretraining.training.nanotron.plan_table import tables

    Console(soft_wrap=True).print(tables(make_plan(study, cluster), study, cluster))
    for name in cluster.layouts:
        check_stage(study.model, getattr(study.stages, name), cluster.layout(name), cluster)


def rehearse(study: Study, cluster: Cluster, keep: Path | None = None) -> None:
    """Run the cluster's engine and layouts here on CPUs, shrunk; files stay in `keep`, where that is given.

    Raises:
        UserError: a stage cannot run as laid out, or its rehearsal failed.
    """
    from alignment_pretraining.training.nanotron.rehearse import rehearse as run

    with tempfile.TemporaryDirectory() as folder:
        for result in run(study, cluster, (keep or Path(folder)).resolve()):
            print(
                f"{result.stage}: {result.layout}, {result.layout.gpus} processes, {result.steps} steps, loss "
                f"{result.first_loss:.3f} to {result.last_loss:.3f}, {result.converted_loss:.3f} after conversion, "
                f"{result.seconds:.0f} s"
            )
