"""The pipelines, built from the study of the environment that is being run."""

import os
import sys
from pathlib import Path

from kedro.framework.project import settings
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from alignment_pretraining.context import EnvironmentConfigLoader, StudyContext
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.pipelines.emergent.pipeline import create_pipeline as create_emergent
from alignment_pretraining.pipelines.eval.pipeline import create_pipeline as create_eval
from alignment_pretraining.pipelines.mixing.pipeline import create_pipeline as create_mixing
from alignment_pretraining.pipelines.personality.pipeline import create_pipeline as create_personality
from alignment_pretraining.pipelines.post_training.pipeline import create_pipeline as create_post_training
from alignment_pretraining.pipelines.pretraining.pipeline import create_pipeline as create_pretraining
from alignment_pretraining.pipelines.reporting.pipeline import create_pipeline as create_reporting
from alignment_pretraining.pipelines.synthesis.pipeline import create_pipeline as create_synthesis
from alignment_pretraining.pipelines.tampering.pipeline import create_pipeline as create_tampering

# It is loaded in the process that draws the pipelines, and there alone.
_VIZ = "kedro_viz.integrations.kedro.data_loader"


def register_pipelines() -> dict[str, Pipeline]:
    """All pipelines by name, and as `__default__` the sum of those that are not optional; those that train are left out
    where no arm is."""
    context = StudyContext.latest
    # Not `context.params`, which are checked against the pipelines.
    parameters = context.specifications if context else _parameters_without_context()
    study, synthesis = parameters.study, parameters.synthesis
    machine = parameters.machine
    protocols, sources = bool(parameters.evaluation.run.protocols), bool(parameters.suite_sources.root)
    trains, capability = bool(study.selected_arms()), parameters.capability
    if trains:
        pipelines = {
            "synthesis": create_synthesis(synthesis, facts=capability.asks_facts),
            "mixing": create_mixing(study, synthesis, classifier=parameters.classifier is not None),
            "pretraining": create_pretraining(study, machine),
            "post_training": create_post_training(study, machine),
        }
    else:  # checkpoints from elsewhere are asked the study's own questions where no others are given
        wanted = ["questions"] * (not sources) + ["everyday_facts"] * capability.asks_facts
        made = create_synthesis(synthesis, facts=capability.asks_facts)
        pipelines = {"synthesis": made.to_outputs(*wanted)} if wanted else {}
    pipelines |= {
        "eval": create_eval(study, capability, protocols=protocols, sources=sources),
        "reporting": create_reporting(study, protocols=protocols, capability=bool(capability.tasks)),
    }
    pipelines["__default__"] = sum(pipelines.values(), Pipeline([]))
    optional = {
        "tampering": create_tampering(study, parameters.tampering, synthesis, machine),
        "personality": create_personality(study, parameters.personality),
        "emergent": create_emergent(study, parameters.emergent, machine),
    }
    pipelines |= {name: pipeline for name, pipeline in optional.items() if pipeline.nodes}
    if context and _VIZ in sys.modules:
        from alignment_pretraining.lineage.viz import as_drawn

        return as_drawn(context, pipelines)
    return pipelines


def _parameters_without_context() -> Parameters:
    """For commands that make no Kedro context, such as `kedro registry list`."""
    conf = (find_kedro_project(Path.cwd()) or Path.cwd()) / settings.CONF_SOURCE
    loader = EnvironmentConfigLoader(str(conf), env=os.environ.get("KEDRO_ENV"), **settings.CONFIG_LOADER_ARGS)
    return loader.specifications()
