"""The machine of an environment, and what stages take of it."""

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.machines import cluster_of, local_engine, machine_of, stage_memory
from alignment_pretraining.pretraining.nanotron.layout import Layout
from tests.planning.preflight.test_preflight import parameters
from tests.pretraining.nanotron.tiny_cluster import SETTINGS, STAGE, UNTIED


@pytest.fixture(scope="module")
def gpu() -> Parameters:
    return parameters("gpu")


def test_an_environment_that_trains_on_processors_has_no_machine_and_is_told_where_to_describe_one() -> None:
    base = parameters("base")
    assert machine_of(base) is None
    with pytest.raises(UserError) as error:
        cluster_of(base, "mine")
    assert str(error.value) == (
        "conf/mine describes no cluster; try --env paper, or write conf/mine/parameters_cluster.yml"
    )


def test_a_cluster_with_layouts_is_taken_as_it_is_and_the_local_engine_stands_back() -> None:
    paper = parameters("paper")
    assert machine_of(paper) is paper.cluster
    assert local_engine(paper) is None


def test_one_gpu_is_a_cluster_of_one_that_trains_in_float32(gpu: Parameters) -> None:
    machine = cluster_of(gpu, "gpu")
    assert machine.gpu == gpu.gpu and machine.launcher == "local" and machine.gpus_per_node == 1
    assert set(machine.layouts) == {"pretraining", "midtraining", "cpt"}
    layout = machine.layout("pretraining")
    assert (layout.gpus, layout.dtype, layout.zero, layout.recompute) == (1, "float32", 0, False)
    assert local_engine(gpu) is gpu.training


def test_a_micro_batch_is_counted_in_sequences_of_the_stage(gpu: Parameters) -> None:
    machine = cluster_of(gpu, "gpu")
    assert gpu.training.micro_batch_tokens == 65_536
    rows = {name: machine.layout(name).micro_batch for name in machine.layouts}
    assert rows == {"pretraining": 32, "midtraining": 16, "cpt": 16}


def test_saves_and_recomputation_are_those_of_the_engine(gpu: Parameters) -> None:
    training = gpu.training.model_copy(update={"keep_last": 3, "keep_every": 700, "gradient_checkpointing": True})
    machine = cluster_of(gpu.model_copy(update={"training": training}), "gpu")
    assert (machine.keep, machine.keep_every) == (3, 700)
    assert all(layout.recompute for layout in machine.layouts.values())


def test_the_processes_of_a_node_are_replicas_whose_micro_batch_is_what_its_gpu_holds() -> None:
    node = parameters("node")
    assert node.cluster is not None and node.training.micro_batch_tokens is None

    def rows(memory: float) -> int:
        small = node.cluster.gpu.model_copy(update={"memory_gb": memory})  # type: ignore[union-attr]
        machine = cluster_of(
            node.model_copy(update={"cluster": node.cluster.model_copy(update={"gpu": small})}),  # type: ignore[union-attr]
            "node",
        )
        layout = machine.layout("pretraining")
        assert (layout.dp, layout.tp, layout.pp) == (8, 1, 1)
        assert machine.gpu.memory_gb == memory and machine.slurm == node.cluster.slurm  # type: ignore[union-attr]
        return layout.micro_batch

    assert 1 == rows(1) < rows(40) < rows(80)


def test_memory_is_counted_as_the_engine_that_trains_takes_it() -> None:
    """Of the local engine without recomputation: sixteen bytes a parameter, and activations by rows."""
    layout = Layout(micro_batch=2, dtype="float32", zero=0)
    local, nanotron = (stage_memory(UNTIED, STAGE, layout, engine) for engine in (SETTINGS, None))
    more = stage_memory(UNTIED, STAGE, layout.model_copy(update={"micro_batch": 4}), SETTINGS)
    assert local != nanotron and local < more
