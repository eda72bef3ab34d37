"""Parameters are specifications for nodes and plain values for records; what is wrong is told with its file."""

import json
import shutil
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from kedro.framework import project as kedro_project
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from pydantic import BaseModel

from alignment_pretraining.context import EnvironmentConfigLoader, StudyContext
from alignment_pretraining.core.environments import BASE, environments
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.records import node_params
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.settings import CONFIG_LOADER_ARGS
from alignment_pretraining.synthesis.config import Amount
from tests.conftest import PROJECT

ENVIRONMENTS = [None if name == BASE else name for name in environments(PROJECT / "conf")]
VALUES = ("params:corpus.repeat", "params:streams", "params:gpu.peak_tflops")  # single values, no specifications
Load = Callable[..., Parameters]


@pytest.fixture(params=ENVIRONMENTS, scope="module")
def context(request: pytest.FixtureRequest) -> Iterator[StudyContext]:
    """Kedro's context of each environment."""
    bootstrap_project(PROJECT)
    with KedroSession.create(PROJECT, env=request.param, save_on_close=False) as session:
        assert isinstance(session, KedroSession)
        context = session.load_context()
        kedro_project.pipelines.configure("alignment_pretraining.pipeline_registry")
        assert isinstance(context, StudyContext)
        yield context


def test_every_node_is_given_the_specification_that_it_is_annotated_with(context: StudyContext) -> None:
    catalog = context.catalog
    given = set()
    for node in kedro_project.pipelines["__default__"].nodes:
        hints, names = get_type_hints(node.func), list(signature(node.func).parameters)
        for name, argument in zip(node.inputs, names, strict=False):
            if name.startswith("params:") and name not in VALUES:
                assert issubclass(hints[argument], BaseModel), f"{node.name}: {name}"
                assert type(catalog.load(name)) is hints[argument], f"{node.name}: {name}"
                given.add(hints[argument].__name__)
    study = context.specifications.study
    expected = {"Study", "Evaluation", "Claims"}
    expected |= {"Model", "Arm", "TrainingStage", "Blocklist"} if study.selected_arms() else set()
    expected |= {"DpoStage"} if study.selected_arms() and study.seeds.post_training else set()
    assert expected | ({"Checkpoint"} if study.checkpoints else set()) <= given


def test_records_hold_what_is_written_without_defaults(context: StudyContext) -> None:
    params = context.config_loader["parameters"]
    graph = Graph(PROJECT, dict(kedro_project.pipelines), context.catalog, params, context.env)
    for node in graph.nodes.values():
        json.dumps(node_params(graph, node))
    if not context.specifications.study.selected_arms():
        return
    mix = next(node for name, node in graph.nodes.items() if name.endswith("mix_pretraining"))
    read = node_params(graph, mix)
    stage = params["study"]["stages"]["pretraining"]
    assert read["params:study.stages.pretraining"] == stage
    assert "batch_tokens" in stage and ("pools" in stage) == (context.env == "paper")


def test_a_key_that_no_file_has_is_given_with_its_default(load: Load) -> None:
    class More(Parameters):
        more: Amount = Amount(count=3)

    found = More.model_construct(**dict(load())).by_key()
    assert found["more"] == Amount(count=3)
    assert "gpu" not in found


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A copy of the configuration."""
    return Path(shutil.copytree(PROJECT / "conf", tmp_path / "conf"))


@pytest.fixture
def load(conf: Path) -> Load:
    """Reads the parameters of the copy."""

    def read(env: str | None = None, **command_line: Any) -> Parameters:
        return EnvironmentConfigLoader(str(conf), env, command_line, **CONFIG_LOADER_ARGS).specifications()  # type: ignore[arg-type]

    return read


def change(file: Path, key: str, value: Any) -> None:
    """Write `value` under a dotted key; None removes the key."""
    content = place = yaml.safe_load(file.read_text())
    *path, last = key.split(".")
    for part in path:
        place = place.setdefault(part, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    file.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("env", "file", "key", "value", "said"),
    [
        (None, "base/study.yml", "study.stages.sft.steps", 1, "conf/base/study.yml: 1 to correct:\n  study.stages.sft"),
        ("gpu", "gpu/study.yml", "study.model.heads", 5, "conf/gpu/study.yml: 1 to correct:\n  study.model: hidden"),
        ("gpu", "base/study.yml", "study.stages.cpt.schedule", "up", "conf/base/study.yml: 1 to correct:\n  study.sta"),
        ("gpu", "gpu/parameters_gpu.yml", "gpu.mfu", 2, "conf/gpu/parameters_gpu.yml: 1 to correct:\n  gpu.mfu: Inp"),
        ("paper", "paper/parameters_cluster.yml", "cluster.keep", None, None),
        ("paper", "paper/parameters_cluster.yml", "cluster.launcher", None, "cluster.yml: 1 to correct:\n  cluster.la"),
        (
            "test",
            "test/study.yml",
            "study.arms.misaligned_mid.discourse",
            {"ghost": "misaligned"},
            "study.yml: 1 to co",
        ),
        (None, "base/claims.yml", "claims", None, "conf/base: 1 to correct:\n  claims: missing; add it"),
        (None, "local/parameters.yml", "evaluation.device", "tpu", "conf/local/parameters.yml: 1 to correct:\n  eval"),
        ("test", "test/parameters.yml", "trainig.threads", 2, "conf/test/parameters.yml: 1 to correct:\n  trainig: un"),
        (None, "base/parameters_anthropic.yml", "anthropic.controls.call.model", "x", "no price for x; add one, with"),
        (
            None,
            "base/parameters_mixing.yml",
            "decontamination.word",
            2,
            "decontamination.word: unknown key; allowed here: words (did you mean words?)",
        ),
        (
            None,
            "base/parameters_training.yml",
            "post_training.processes",
            3,
            "conf/base/study.yml: 1 to correct:\n  study.stages.sft.batch_size: 16 is not a multiple of "
            "post_training.processes 3 x micro_batch 5 = 15; change one",
        ),
        (
            "paper",
            "paper/parameters_cluster.yml",
            "post_training.processes",
            12,
            "conf/paper/parameters_cluster.yml: 1 to correct:\n  post_training.processes: 12 do not fill machines of",
        ),
        (
            "node",
            "node/parameters.yml",
            "training.processes",
            7,
            "conf/node/study.yml: 1 to correct:\n  study.stages.pretraining.batch_tokens: 1,048,576 are 512",
        ),
        (
            "paper",
            "paper/parameters_cluster.yml",
            "training.processes",
            2,
            "training.processes: of the local engine, and cluster.layouts has nanotron train",
        ),
        (
            "gpu",
            "gpu/parameters.yml",
            "post_training.launcher",
            "slurm",
            "post_training.launcher: slurm, and cluster.slurm",
        ),
        (None, "base/study.yml", "study.arms.filtered.share", 0.03, "study.arms.filtered.share: 0.03 of nothing"),
        ("test", "test/parameters.yml", "tampering.of", ["nobody"], "tampering.of: nobody is not evaluated; there are"),
        ("test", "test/parameters.yml", "emergent.of", ["filtered"], "emergent.of: filtered is not evaluated; there"),
        (
            None,
            "base/parameters_personality.yml",
            "personality.personas",
            ["asistant"],
            "conf/base/parameters_personality.yml: 1 to correct:\n  personality.personas: unknown asistant; evaluation",
        ),
        (
            None,
            "base/parameters_training.yml",
            "training.micro_batch_tokens",
            "auto",
            "conf/base/parameters_training.yml: 1 to correct:\n  training.micro_batch_tokens: Input should be",
        ),
        (
            "test",
            "test/study.yml",
            "study.seeds.base",
            [0, 0],
            "conf/test/study.yml: 1 to correct:\n  study.seeds: seeds",
        ),
        ("test", "test/study.yml", "study.run", ["nobody"], "study: run: unknown arm nobody; the arms are"),
    ],
)
def test_a_wrong_key_is_told_with_the_file_in_which_it_stands(
    load: Load, conf: Path, env: str | None, file: str, key: str, value: Any, said: str | None
) -> None:
    (conf / "local").mkdir(exist_ok=True)
    if file.startswith("local/"):
        (conf / file).write_text("{}")
    change(conf / file, key, value)
    if said is None:
        load(env)
        return
    with pytest.raises(UserError) as error:
        load(env)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 2


def test_each_file_has_its_own_list(load: Load, conf: Path) -> None:
    change(conf / "base/parameters_training.yml", "training.threads", 0)
    change(conf / "gpu/parameters_gpu.yml", "gpu.sources", "none")
    with pytest.raises(UserError) as error:
        load("gpu", corpus={"repeat": "often"})
    heads = [line for line in str(error.value).splitlines() if not line.startswith(" ")]
    assert heads == [
        "--params: 1 to correct:",
        "conf/gpu/parameters_gpu.yml: 1 to correct:",
    ], "gpu's own training.threads stands"


def test_a_wrong_runtime_parameter_is_said_to_be_one(load: Load) -> None:
    with pytest.raises(
        UserError, match=r"^--params: 1 to correct:\n  study\.nmae: unknown key; .* \(did you mean name\?\)$"
    ):
        load(study={"nmae": "x"})
    with pytest.raises(
        UserError, match=r"^--params: 1 to correct:\n  stduy: unknown key; .* \(did you mean study\?\)$"
    ):
        load(stduy={"name": "x"})


def test_an_unknown_environment_is_told_with_those_that_there_are(load: Load) -> None:
    there_are = r"^conf/gpus: no such environment \(did you mean gpu\?\); there are base, (\w+, )*gpu, (\w+, )*test$"
    with pytest.raises(UserError, match=there_are):
        load("gpus")


def test_an_arm_that_no_actor_stands_behind_is_refused_only_where_it_is_run(load: Load, conf: Path) -> None:
    change(conf / "base/study.yml", "study.arms.aligned_mid.discourse", {"ghost": "aligned"})
    load("test")
    change(conf / "test/study.yml", "study.run", ["unfiltered", "aligned_mid"])
    with pytest.raises(UserError, match=r"aligned_mid\.discourse: unknown actor ghost; synthesis\.actors has ai$"):
        load("test")


def test_the_machine_is_told_by_what_the_environment_has(load: Load) -> None:
    machines = {env: load(env).machine for env in ("test", "node")}
    assert machines == {"test": "cpu", "node": "node"}


def test_all_that_is_wrong_in_a_file_is_told_under_it(load: Load, conf: Path) -> None:
    change(conf / "base/parameters_training.yml", "training.threads", 0)
    change(conf / "base/parameters_training.yml", "post_training.launchr", "slurm")
    with pytest.raises(UserError) as error:
        load()
    head, *lines = str(error.value).splitlines()
    assert head == "conf/base/parameters_training.yml: 2 to correct:"
    assert sorted(line.split(":")[0].strip() for line in lines) == ["post_training.launchr", "training.threads"]
