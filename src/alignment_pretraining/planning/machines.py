"""The machine of an environment: its cluster, or its one GPU as a cluster of one; and what stages take of it."""

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.memory import memory_per_gpu as local_memory
from alignment_pretraining.pretraining.local.memory import sized
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.pretraining.nanotron.memory import memory_per_gpu
from alignment_pretraining.study import BASE_STAGES, TrainingStage


def cluster_of(parameters: Parameters, env: str) -> Cluster:
    """The machine of an environment.

    Raises:
        UserError: it describes none.
    """
    found = machine_of(parameters)
    if found is None:
        raise UserError(f"conf/{env} describes no cluster; try --env paper, or write conf/{env}/parameters_cluster.yml")
    return found


def machine_of(parameters: Parameters) -> Cluster | None:
    """The cluster of an environment, its one GPU as a cluster of one, or None where it trains on processors.

    Where the local engine trains, its processes are replicas of a layout: all float32, as its weights are.
    """
    if parameters.machine == "cluster":
        return parameters.cluster
    training, study = parameters.training, parameters.study
    machine = parameters.cluster
    if machine is None and parameters.gpu:
        machine = Cluster(launcher="local", gpu=parameters.gpu, gpus_per_node=training.processes)
    if machine is None:
        return None
    layouts = {}
    for name in BASE_STAGES:
        stage: TrainingStage = getattr(study.stages, name)
        rows = sized(study.model, stage, training, machine.room).rows_at_once(stage.context)
        recompute = training.gradient_checkpointing
        layouts[name] = Layout(dp=training.processes, micro_batch=rows, zero=0, dtype="float32", recompute=recompute)
    kept = {"keep": training.keep_last, "keep_every": training.keep_every}
    return machine.model_copy(update={"layouts": layouts, **kept})


def stage_memory(model: Model, stage: TrainingStage, layout: Layout, engine: EngineConfig | None) -> float:
    """Bytes of the fullest GPU that trains `stage`: by nanotron, or by the local engine with its settings."""
    if engine is None:
        return sum(memory_per_gpu(model, stage, layout).values())
    return sum(local_memory(model, stage, engine, layout.micro_batch).values())


def local_engine(parameters: Parameters) -> EngineConfig | None:
    """The settings of the local engine, where it trains."""
    return None if parameters.machine == "cluster" else parameters.training
