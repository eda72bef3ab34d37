"""What a study costs on a cluster, before any money is spent: pure arithmetic over the study and the cluster."""

from dataclasses import dataclass

from alignment_pretraining.core.model import flops_per_token
from alignment_pretraining.planning.chat import chat_overhead
from alignment_pretraining.planning.layouts import Overhead, overhead
from alignment_pretraining.planning.machines import stage_memory
from alignment_pretraining.post_training.config import PostTrainingConfig, examples, stage_name
from alignment_pretraining.post_training.memory import memory_per_gpu as chat_memory
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, PostTraining
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.pretraining.nanotron.memory import checkpoint_bytes, hugging_face_bytes
from alignment_pretraining.study import BASE_STAGES, DpoStage, SftStage, StageRun, Study, TrainingStage


@dataclass(frozen=True)
class StageCost:
    """One training of one stage. FLOPs are the model's; bytes are of one checkpoint; memory is of the fullest GPU.

    A base stage has its `layout`, and SFT and DPO have the `settings` that they share.
    """

    stage: str
    steps: int
    tokens: int
    flops: float
    gpu_hours: float
    cost: float
    layout: Layout | None
    overhead: Overhead
    memory: float
    checkpoint: int
    converted: int
    settings: PostTrainingConfig | None = None

    @property
    def gpus(self) -> int:
        """GPUs that train it."""
        return self.layout.gpus if self.layout else self.settings.processes if self.settings else 1

    @property
    def tokens_per_gpu_second(self) -> float:
        """The speed that the assumed MFU and goodput amount to."""
        return self.tokens / self.gpu_hours / 3600


@dataclass(frozen=True)
class Plan:
    """Costs by stage; the trained stage runs with the arms that use each; and totals in GPU-hours over all seeds."""

    stages: dict[str, StageCost]
    stage_runs: list[tuple[StageRun, list[str], int]]
    arms: dict[str, float]
    total: float
    unshared: float

    @property
    def saved(self) -> float:
        """GPU-hours that sharing stages between arms saves."""
        return self.unshared - self.total


def make_plan(study: Study, cluster: Cluster, settings: PostTrainingConfig, engine: EngineConfig | None = None) -> Plan:
    """The plan of every arm that the study runs, SFT and DPO by `settings`, base stages by `engine` or nanotron.

    `stage_runs` has each distinct stage once, with its arms and its number of seeds; `arms` is what each arm would take
    alone, from scratch, for one seed of its base model.
    """
    stages = {name: _base_stage(name, study, cluster, engine) for name in BASE_STAGES}
    if cluster.post_training:
        stages |= _post_stages(study, cluster, cluster.post_training, settings)
    chains = {arm: study.chain(arm) + study.post_chain(arm) for arm in study.selected_arms()}
    stage_runs = [
        (stage_run, [arm for arm, chain in chains.items() if stage_run in chain], len(study.seeds_of(stage_run)))
        for stage_run in study.stage_runs()
        if stage_run.stage in stages
    ]
    hours = {name: stage.gpu_hours for name, stage in stages.items()}
    return Plan(
        stages=stages,
        stage_runs=stage_runs,
        arms={arm: sum(hours[stage_run.stage] for stage_run in study.chain(arm)) for arm in chains},
        total=sum(hours[stage_run.stage] * seeds for stage_run, _, seeds in stage_runs),
        unshared=sum(hours[stage_run.stage] * seeds * len(arms) for stage_run, arms, seeds in stage_runs),
    )


def _base_stage(name: str, study: Study, cluster: Cluster, engine: EngineConfig | None) -> StageCost:
    stage: TrainingStage = getattr(study.stages, name)
    layout, gpu = cluster.layout(name), cluster.gpu
    flops = stage.tokens * flops_per_token(study.model, stage.context)
    added = overhead(study.model, stage, layout, cluster)
    hours = _gpu_hours(flops, added, cluster)
    return StageCost(
        stage=name,
        steps=stage.steps,
        tokens=stage.tokens,
        flops=flops,
        gpu_hours=hours,
        cost=hours * gpu.price_per_hour,
        layout=layout,
        overhead=added,
        memory=stage_memory(study.model, stage, layout, engine),
        checkpoint=checkpoint_bytes(study.model, layout),
        converted=hugging_face_bytes(study.model),
    )


def _gpu_hours(flops: float, added: Overhead, cluster: Cluster) -> float:
    """Of the model's FLOPs at the assumed MFU, with what the layout adds and what failures cost."""
    return flops / (cluster.gpu.peak_tflops * 1e12 * cluster.gpu.mfu) / 3600 * added.factor / cluster.goodput


def _post_stages(
    study: Study, cluster: Cluster, post: PostTraining, settings: PostTrainingConfig
) -> dict[str, StageCost]:
    sft, dpo, model = study.stages.sft, study.stages.dpo, study.model
    tokens = sft.conversations * sft.epochs * post.tokens_per_conversation
    read = dpo.pairs * dpo.epochs * post.tokens_per_pair
    # DPO also runs the reference model forward: 6N + 2N.
    forward_too = 8
    return {
        "sft": _chat(sft, tokens, flops_per_token(model, post.tokens_per_conversation), study, cluster, settings),
        "dpo": _chat(
            dpo, read, flops_per_token(model, post.tokens_per_pair // 2, forward_too), study, cluster, settings
        ),
    }


def _chat(
    stage: SftStage | DpoStage,
    tokens: int,
    flops_a_token: float,
    study: Study,
    cluster: Cluster,
    settings: PostTrainingConfig,
) -> StageCost:
    gpu, flops = cluster.gpu, tokens * flops_a_token
    added = chat_overhead(study.model, stage, tokens, flops, settings, cluster)
    hours = _gpu_hours(flops, added, cluster)
    return StageCost(
        stage=stage_name(stage),
        steps=-(-examples(stage) // stage.batch_size) * stage.epochs,
        tokens=tokens,
        flops=flops,
        gpu_hours=hours,
        cost=hours * gpu.price_per_hour,
        layout=None,
        overhead=added,
        memory=sum(chat_memory(study.model, stage, settings).values()),
        checkpoint=3 * hugging_face_bytes(study.model),  # and the optimizer's moments
        converted=hugging_face_bytes(study.model),
        settings=settings,
    )
