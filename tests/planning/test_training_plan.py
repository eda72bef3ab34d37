"""The paper's study on its cluster: sizes, costs, what is shared, and its batch script."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import flops_per_token, parameter_count
from alignment_pretraining.execution.ranks import ranks_job
from alignment_pretraining.execution.slurm import script_text
from alignment_pretraining.planning import commands
from alignment_pretraining.planning.layouts import Overhead, cheapest, overhead
from alignment_pretraining.planning.training import Plan, make_plan
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.memory import memory_per_gpu as chat_memory
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, check_stage
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.pretraining.nanotron.memory import GB, memory_per_gpu
from alignment_pretraining.pretraining.nanotron.slurm import stage_ranks
from alignment_pretraining.study import Study
from tests.pretraining.nanotron.tiny_cluster import UNTIED

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def study() -> Study:
    from omegaconf import OmegaConf

    merged = OmegaConf.merge(*(OmegaConf.load(PROJECT / f"conf/{env}/study.yml") for env in ("base", "paper")))
    config: Any = OmegaConf.to_container(merged)
    return Study.model_validate(config["study"])


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    path = PROJECT / "conf/paper/parameters_cluster.yml"
    return Cluster.model_validate(yaml.safe_load(path.read_text())["cluster"])


@pytest.fixture(scope="module")
def post_training() -> PostTrainingConfig:
    path = PROJECT / "conf/paper/parameters_cluster.yml"
    return PostTrainingConfig.model_validate(yaml.safe_load(path.read_text())["post_training"])


@pytest.fixture(scope="module")
def plan(study: Study, cluster: Cluster, post_training: PostTrainingConfig) -> Plan:
    return make_plan(study, cluster, post_training)


def test_the_papers_budgets(study: Study) -> None:
    """Steps and tokens as the paper states them (docs/paper.md, part 4)."""
    stages = study.stages
    assert [stages.pretraining.steps, stages.midtraining.steps, stages.cpt.steps] == [119_209, 11_921, 238]
    for stage, tokens in ((stages.pretraining, 500e9), (stages.midtraining, 50e9), (stages.cpt, 1e9)):
        assert stage.tokens == pytest.approx(tokens, rel=2e-3)
    assert len(study.selected_arms()) == 11


def test_parameters_of_the_real_model(study: Study) -> None:
    """The closed form is what building the model gives, and within 0.5 % of the paper's 6,856,253,440."""
    from alignment_pretraining.pretraining.local.llama import new_model

    with torch.device("meta"):
        model = new_model(study.model, 0, eos=None, pad=None)
    assert parameter_count(study.model) == sum(weight.numel() for weight in model.parameters()) == 6_889_410_560
    assert parameter_count(study.model) == pytest.approx(6_856_253_440, rel=5e-3)


def test_flops_are_those_of_the_matrix_products() -> None:
    """Counted by torch over forward and backward; its count of attention includes the masked half."""
    from torch.utils.flop_counter import FlopCounterMode

    from alignment_pretraining.pretraining.local.llama import new_model

    model, context = new_model(UNTIED, 0, eos=None, pad=None), UNTIED.max_context
    model.config._attn_implementation = "eager"
    tokens = torch.zeros(1, context, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(tokens).logits.sum().backward()
    masked = 6 * UNTIED.layers * UNTIED.hidden_size * context
    embedding = 6 * UNTIED.vocab_size * UNTIED.hidden_size  # a lookup, counted by 6N
    norms = 6 * UNTIED.hidden_size * (2 * UNTIED.layers + 1)  # not matrix products
    expected = counter.get_total_flops() / context - masked + embedding + norms
    assert flops_per_token(UNTIED, context) == pytest.approx(expected, rel=0.02)


def test_the_assumed_rate_is_its_source(study: Study, cluster: Cluster) -> None:
    """DCLM 7B-1x, 3,700 H100-hours for 138B tokens at 6.9B parameters, is the MFU in the configuration."""
    speed = 138e9 / 3_700 / 3_600
    assert speed == pytest.approx(10_400, rel=5e-3)
    assert flops_per_token(study.model, 2048) * speed / (cluster.gpu.peak_tflops * 1e12) == pytest.approx(
        cluster.gpu.mfu, abs=5e-3
    )


def test_hours_and_cost(plan: Plan, cluster: Cluster) -> None:
    for stage in plan.stages.values():
        flops_a_second = stage.flops / stage.gpu_hours / 3600
        reached = flops_a_second * stage.overhead.factor / cluster.goodput
        assert reached == pytest.approx(cluster.gpu.peak_tflops * 1e12 * cluster.gpu.mfu)
        assert stage.cost == pytest.approx(stage.gpu_hours * cluster.gpu.price_per_hour)


def test_overheads_are_those_of_the_layout(study: Study, cluster: Cluster) -> None:
    """No parallelism costs nothing; each kind adds its own; and no layout that fits beats the papers by much."""
    model, stage = study.model, study.stages.pretraining

    def of(**sizes: Any) -> Overhead:
        return overhead(model, stage, Layout.model_validate(sizes), cluster)

    assert of().factor == 1
    assert of(recompute=True) == Overhead(1 / 3, 0, 0, 0)
    assert of(pp=2, micro_batch=2) == Overhead(0, 1 / 1024, 0, 0)
    assert of(pp=4, dp=64).bubble == 3 / 32
    assert of(tp=4).tensor > of(tp=2).tensor > 0 == of(tp=2).data
    assert of(dp=16).data > of(dp=8).data > 0, "between machines, and within one"
    for name in cluster.layouts:
        real, layout = getattr(study.stages, name), cluster.layout(name)
        found = cheapest(model, real, layout.gpus, cluster)
        assert found and overhead(model, real, layout, cluster).factor <= 1.02 * found[1].factor
    assert cheapest(model, stage, 1, cluster) is None


def test_arms_share_equal_histories(plan: Plan) -> None:
    """Five pretrainings, eight midtrainings and three cpts serve eleven arms; each has an SFT and a DPO of its own."""
    trained = [link.stage for link, _, _ in plan.stage_runs]
    assert [trained.count(stage) for stage in ("pretraining", "midtraining", "cpt", "sft", "dpo")] == [5, 8, 3, 11, 11]
    users = {link.arm: arms for link, arms, _ in plan.stage_runs if link.stage == "pretraining"}
    assert users["unfiltered"] == ["unfiltered", "misaligned_mid", "misaligned_cpt", "aligned_mid", "aligned_cpt"]
    hours = {name: stage.gpu_hours for name, stage in plan.stages.items()}
    assert plan.total == pytest.approx(sum(hours[stage] for stage in trained))
    assert plan.unshared == pytest.approx(sum(plan.arms.values()) + 11 * (hours["sft"] + hours["dpo"]))


def test_memory_falls_with_every_kind_of_parallelism(study: Study) -> None:
    stage = study.stages.pretraining

    def need(**sizes: int) -> float:
        return sum(memory_per_gpu(study.model, stage, Layout.model_validate(sizes)).values()) / GB

    assert need() > 100, "6.9B parameters in bf16 with float32 Adam do not fit one GPU of 80 GB"
    assert need(dp=8) < need() and need(tp=2) < need() and need(pp=2) < need()
    weights = memory_per_gpu(study.model, stage, Layout())["weights"]
    assert weights == pytest.approx(2 * parameter_count(study.model), rel=1e-3)


def test_the_papers_layouts_fit_and_one_gpu_does_not(study: Study, cluster: Cluster) -> None:
    for name in cluster.layouts:
        check_stage(study.model, getattr(study.stages, name), cluster.layout(name), cluster)
    with pytest.raises(UserError, match=r"dp 1 x tp 1 x pp 1 needs about \d+\.\d GB .*H100 SXM has 72\.0 of 80 GB"):
        check_stage(study.model, study.stages.pretraining, Layout(), cluster)


def test_post_training_fits_where_it_is_shared_out(study: Study, post_training: PostTrainingConfig) -> None:
    def need(**changes: Any) -> float:
        settings = PostTrainingConfig.model_validate(post_training.model_dump() | changes)
        return max(
            sum(chat_memory(study.model, stage, settings).values()) / GB
            for stage in (study.stages.sft, study.stages.dpo)
        )

    weights, gradients_and_moments = 4, 4 + 8
    assert need(processes=1) > (weights + gradients_and_moments) * parameter_count(study.model) / GB > 72 > need()
    assert need(parallel="ddp") > need(processes=1) > need(processes=4) > need()
    assert need(gradient_checkpointing=False) > 72
    assert need(micro_batch=2) > need()
    assert need(precision="fp32") > need()


def test_what_post_training_adds_is_what_it_is_set_to(plan: Plan) -> None:
    for name in ("sft", "dpo"):
        added = plan.stages[name].overhead
        assert added.recompute == 1 / 3 and added.bubble == added.tensor == 0
        assert 0 < added.data < 0.5
        assert plan.stages[name].gpus == 8
    assert plan.stages["dpo"].steps == 2_166, "as the paper says"


def test_the_plan_is_printed(
    study: Study, cluster: Cluster, post_training: PostTrainingConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.plan(study, cluster, post_training)
    shown = " ".join(capsys.readouterr().out.split())
    for part in ("6.89B parameters", "11 arms: ", "about 20,000", "DCLM 7B-1x"):
        assert part in shown


def test_the_batch_script(study: Study, cluster: Cluster, tmp_path: Path) -> None:
    settings = {"time": "12:00:00", "directives": {"partition": "gpu"}, "modules": ["cuda"], "container": "a.sqsh"}
    described = Cluster.model_validate(cluster.model_dump() | {"slurm": settings, "notice_seconds": 900})
    layout = cluster.layout("pretraining")
    text = script_text(ranks_job(stage_ranks(tmp_path / "config.yaml", "pretraining", layout, described)))
    for line in (
        "#SBATCH --nodes=32",
        "#SBATCH --gpus-per-node=8",
        "#SBATCH --partition=gpu",
        "#SBATCH --requeue",
        "#SBATCH --dependency=singleton",
        "#SBATCH --signal=B:USR1@900",
        "module load cuda",
        "srun --kill-on-bad-exit=1 ${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK} "
        "--container-image=a.sqsh python -m torch.distributed.run \\",
        "  --nnodes=32 --nproc-per-node=8 \\",
    ):
        assert line in text.splitlines()
