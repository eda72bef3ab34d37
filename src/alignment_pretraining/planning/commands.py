"""What `kedro plan` and `kedro rehearse` do."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, check_stage
from alignment_pretraining.study import Study


def plan(study: Study, cluster: Cluster, settings: PostTrainingConfig, engine: EngineConfig | None = None) -> None:
    """Print steps, GPU-hours, cost, memory and checkpoint sizes of every stage, and what arms share.

    The local engine trains where its settings are given.

    Raises:
        UserError: after the tables, that a stage cannot run as laid out.
    """
    from rich.console import Console

    from alignment_pretraining.planning.training import make_plan
    from alignment_pretraining.planning.training_table import tables

    Console(soft_wrap=True).print(tables(make_plan(study, cluster, settings, engine), study, cluster))
    for name in cluster.layouts if engine is None else ():  # of the local engine the preflight knows all
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


def plan_benchmarks(parameters: Parameters) -> None:
    """Print downloads and GPU-hours of the benchmarks that every checkpoint is given."""
    from rich.console import Console

    from alignment_pretraining.planning.benchmarks import benchmark_tables

    gpu = parameters.cluster.gpu if parameters.cluster else parameters.gpu
    Console(soft_wrap=True).print(benchmark_tables(parameters.study, parameters.capability, gpu))


def rehearse(
    root: Path,
    env: str,
    written: Mapping[str, Any],
    parameters: Parameters,
    load: Callable[[str], Any],
    keep: Path | None = None,
) -> None:
    """Run the environment `env` here, small; its files stay in the new folder `keep`, where that is given.

    Raises:
        UserError: see `rehearsal.run.rehearse`; or `keep` holds something.
    """
    from alignment_pretraining.planning.rehearsal.run import rehearse as run

    if keep and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise UserError(f"{keep} is {'not empty' if keep.is_dir() else 'no folder'}; name a new folder")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        found = run(root, env, written, parameters, load, folder)
        counts = ", ".join(f"{name} {count}" for name, count in sorted(found.nodes.items()))
        print(f"{env}: {found.nodes.total()} nodes in {found.seconds:.0f} s, arms {', '.join(found.arms)}")
        print(f"nodes: {counts}")
        if found.stood_in:
            print(f"stood in for: {', '.join(found.stood_in)}")
        if found.left_out:
            print(
                f"left out: {', '.join(found.left_out)} (nothing stands in for it, or what it needs is not installed)"
            )
        if keep:
            print(f"report: {found.report}")
