"""The pipelines, built from the study of the environment that is being run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from alignment_pretraining.pipelines.eval.pipeline import create_pipeline as create_eval
from alignment_pretraining.pipelines.mixing.pipeline import create_pipeline as create_mixing
from alignment_pretraining.pipelines.post_training.pipeline import create_pipeline as create_post_training
from alignment_pretraining.pipelines.pretraining.pipeline import create_pipeline as create_pretraining
from alignment_pretraining.pipelines.reporting.pipeline import create_pipeline as create_reporting
from alignment_pretraining.pipelines.synthesis.pipeline import create_pipeline as create_synthesis
from alignment_pretraining.study import Study, parse_study

_parameters: Mapping[str, Any] | None = None


class StudyHooks:
    """Reads the study as soon as the configuration is known, because the pipelines are built from it."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Validate the study of this environment, runtime parameters included."""
        global _parameters
        # Not `context.params`: Kedro validates those against the pipelines, which need the study first.
        _parameters = context.config_loader["parameters"]
        _study_in(_parameters, context.env)


def register_pipelines() -> dict[str, Pipeline]:
    """All six pipelines by name, and their sum as `__default__`."""
    parameters = _parameters or _parameters_without_context()
    study = _study_in(parameters, os.environ.get("KEDRO_ENV"))
    machine: Literal["cpu", "gpu", "cluster"]
    machine = "cluster" if "cluster" in parameters else "gpu" if "gpu" in parameters else "cpu"
    synthesis = parameters.get("synthesis", {})
    pipelines = {
        "synthesis": create_synthesis(
            **{key: synthesis[key] for key in ("questions", "generator") if key in synthesis}
        ),
        "mixing": create_mixing(study),
        "pretraining": create_pretraining(study, machine),
        "post_training": create_post_training(study),
        "eval": create_eval(study),
        "reporting": create_reporting(study),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}


def _study_in(parameters: Mapping[str, Any], env: str | None) -> Study:
    return parse_study(parameters.get("study", {}), f"conf/{env or 'base'}/study.yml")


def _parameters_without_context() -> Mapping[str, Any]:
    """For commands that make no Kedro context, such as `kedro registry list`."""
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    env = os.environ.get("KEDRO_ENV")
    return OmegaConfigLoader(str(project / settings.CONF_SOURCE), env=env, **settings.CONFIG_LOADER_ARGS)["parameters"]
