"""The pipelines, built from the study of the environment that is being run."""

import os
from pathlib import Path
from typing import Literal

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from alignment_pretraining.context import EnvironmentConfigLoader, StudyContext
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.pipelines.eval.pipeline import create_pipeline as create_eval
from alignment_pretraining.pipelines.mixing.pipeline import create_pipeline as create_mixing
from alignment_pretraining.pipelines.post_training.pipeline import create_pipeline as create_post_training
from alignment_pretraining.pipelines.pretraining.pipeline import create_pipeline as create_pretraining
from alignment_pretraining.pipelines.reporting.pipeline import create_pipeline as create_reporting
from alignment_pretraining.pipelines.synthesis.pipeline import create_pipeline as create_synthesis

_parameters: Parameters | None = None


class StudyHooks:
    """Reads the study as soon as the configuration is known, because the pipelines are built from it."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Validate the parameters of this environment, those of the command line included."""
        global _parameters
        assert isinstance(context, StudyContext)
        # Not `context.params`, which are checked against the pipelines.
        _parameters = context.specifications


def register_pipelines() -> dict[str, Pipeline]:
    """All six pipelines by name, and their sum as `__default__`."""
    parameters = _parameters or _parameters_without_context()
    study, synthesis = parameters.study, parameters.synthesis
    machine: Literal["cpu", "gpu", "cluster"]
    machine = "cluster" if parameters.cluster else "gpu" if parameters.gpu else "cpu"
    pipelines = {
        "synthesis": create_synthesis(synthesis),
        "mixing": create_mixing(study, synthesis),
        "pretraining": create_pretraining(study, machine),
        "post_training": create_post_training(study),
        "eval": create_eval(study),
        "reporting": create_reporting(study),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}


def _parameters_without_context() -> Parameters:
    """For commands that make no Kedro context, such as `kedro registry list`."""
    conf = (find_kedro_project(Path.cwd()) or Path.cwd()) / settings.CONF_SOURCE
    loader = EnvironmentConfigLoader(str(conf), env=os.environ.get("KEDRO_ENV"), **settings.CONFIG_LOADER_ARGS)
    return loader.specifications()
