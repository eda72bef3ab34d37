"""What a study costs on a cluster, before any money is spent: pure arithmetic over the study and the cluster."""

from dataclasses import dataclass

from alignment_pretraining.core.model import flops_per_token
from alignment_pretraining.planning.layouts import Overhead, overhead
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, PostTraining
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.pretraining.nanotron.memory import checkpoint_bytes, hugging_face_bytes, memory_per_gpu
from alignment_pretraining.study import BASE_STAGES, StageRun, Study, TrainingStage


@dataclass(frozen=True)
class StageCost:
    """One training of one stage. FLOPs are the model's; bytes are of one checkpoint; memory is of the fullest GPU."""

    stage: str
    steps: int
    tokens: int
    flops: float
    gpu_hours: float
    cost: float
    layout: Layout | None
    overhead: Overhead | None
    memory: float | None
    checkpoint: int
    converted: int

    @property
    def tokens_per_gpu_second(self) -> float:
        """The speed that the assumed MFU amounts to."""
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


def make_plan(study: Study, cluster: Cluster) -> Plan:
    """The plan of every arm that the study runs.

    `stage_runs` has each distinct stage once, with its arms and its number of seeds; `arms` is what each arm would take
    alone, from scratch, for one seed of its base model.
    """
    stages = {name: _base_stage(name, study, cluster) for name in BASE_STAGES}
    if cluster.post_training:
        stages |= _post_stages(study, cluster, cluster.post_training)
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


def _base_stage(name: str, study: Study, cluster: Cluster) -> StageCost:
    stage: TrainingStage = getattr(study.stages, name)
    layout = cluster.layout(name)
    flops = stage.tokens * flops_per_token(study.model, stage.context)
    return _cost(name, stage.steps, stage.tokens, flops, study, cluster, layout)


def _post_stages(study: Study, cluster: Cluster, post: PostTraining) -> dict[str, StageCost]:
    sft, dpo = study.stages.sft, study.stages.dpo
    shown = sft.conversations * sft.epochs
    tokens = shown * post.tokens_per_conversation
    compared = dpo.pairs * dpo.epochs
    read = compared * post.tokens_per_pair
    # DPO also runs the reference model forward: 6N + 2N.
    forward_too = 8
    return {
        "sft": _cost(
            "sft",
            shown // sft.batch_size,
            tokens,
            tokens * flops_per_token(study.model, post.tokens_per_conversation),
            study,
            cluster,
        ),
        "dpo": _cost(
            "dpo",
            compared // dpo.batch_size,
            read,
            read * flops_per_token(study.model, post.tokens_per_pair // 2, forward_too),
            study,
            cluster,
        ),
    }


def _cost(
    name: str,
    steps: int,
    tokens: int,
    flops: float,
    study: Study,
    cluster: Cluster,
    layout: Layout | None = None,
) -> StageCost:
    """The cost of a stage; SFT and DPO, which have no layout, are taken to have no overhead."""
    gpu, added, memory = cluster.gpu, None, None
    hours = flops / (gpu.peak_tflops * 1e12 * gpu.mfu) / 3600
    if layout:
        stage: TrainingStage = getattr(study.stages, name)
        added = overhead(study.model, stage, layout, cluster)
        memory = sum(memory_per_gpu(study.model, stage, layout).values())
        hours *= added.factor
    return StageCost(
        stage=name,
        steps=steps,
        tokens=tokens,
        flops=flops,
        gpu_hours=hours,
        cost=hours * gpu.price_per_hour,
        layout=layout,
        overhead=added,
        memory=memory,
        checkpoint=checkpoint_bytes(study.model, layout or Layout()),
        converted=hugging_face_bytes(study.model),
    )
