"""What `kedro plan` and `kedro rehearse` do, given a study and its cluster."""

import tempfile
from pathlib import Path

import pandas as pd

from alignment_pretraining.parameters import Parameters
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, check_stage
from alignment_pretraining.study import Study


def plan(study: Study, cluster: Cluster) -> None:
    """Print steps, GPU-hours, cost, memory and checkpoint sizes of every stage, and what arms share.

    Raises:
        UserError: after the tables, that a stage cannot run as laid out.
    """
    from rich.console import Console

    from alignment_pretraining.planning.training import make_plan
    from alignment_pretraining.planning.training_table import tables

    Console(soft_wrap=True).print(tables(make_plan(study, cluster), study, cluster))
    for name in cluster.layouts:
        check_stage(study.model, getattr(study.stages, name), cluster.layout(name), cluster)


def plan_evaluation(parameters: Parameters, made: pd.DataFrame | None) -> None:
    """Print downloads, disk, memory and GPU-hours of evaluating the checkpoints from elsewhere.

    Raises:
        UserError: after the tables, that one does not fit the environment's GPU.
    """
    from rich.console import Console

    from alignment_pretraining.planning.evaluation import check_memory, make_evaluation_plan, tables

    study, gpu = parameters.study, parameters.gpu
    found = make_evaluation_plan(study, parameters.evaluation, parameters.suite_sources, gpu, made)
    Console(soft_wrap=True).print(tables(found, study, gpu))
    check_memory(found, gpu)


def rehearse(study: Study, cluster: Cluster, keep: Path | None = None) -> None:
    """Run the cluster's engine and layouts here on CPUs, shrunk; files stay in `keep`, where that is given.

    Raises:
        UserError: a stage cannot run as laid out, or its rehearsal failed.
    """
    from alignment_pretraining.planning.rehearsal import rehearse as run

    with tempfile.TemporaryDirectory() as folder:
        for result in run(study, cluster, (keep or Path(folder)).resolve()):
            print(
                f"{result.stage}: {result.layout}, {result.layout.gpus} processes, {result.steps} steps, loss "
                f"{result.first_loss:.3f} to {result.last_loss:.3f}, {result.converted_loss:.3f} after conversion, "
                f"{result.seconds:.0f} s"
            )
