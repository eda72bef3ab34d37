"""The machine of an environment: its cluster, or its one GPU as a cluster of one."""

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.study import BASE_STAGES


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

    The local engine has float32 weights, gradients and moments, so its memory is that of a float32 layout; activations
    are taken for float32 too, which is more than it needs.
    """
    if parameters.gpu is None or parameters.cluster:
        return parameters.cluster
    training, stages = parameters.training, parameters.study.stages
    layouts = {
        name: Layout(
            micro_batch=max(training.micro_batch_tokens // getattr(stages, name).context, 1), zero=0, dtype="float32"
        )
        for name in BASE_STAGES
    }
    return Cluster(
        launcher="local", gpu=parameters.gpu, gpus_per_node=1, save_every=training.save_every, layouts=layouts
    )
