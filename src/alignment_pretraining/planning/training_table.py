"""The plan as tables for a terminal."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.planning.layouts import cheapest
from alignment_pretraining.planning.numbers import significant
from alignment_pretraining.planning.training import Plan, StageCost
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.memory import GB
from alignment_pretraining.study import Study

# arXiv 2601.10160: about 20,000 GPU-hours for one end-to-end run, on GH200.
PAPER_GPU_HOURS = 20_000
# Less time than this is within what such arithmetic can tell.
_WORTH = 0.02


def tables(plan: Plan, study: Study, cluster: Cluster) -> Group:
    """Stages, what is trained and who shares it, and totals."""
    return Group(
        _stages(plan, study, cluster), _proposals(plan, study, cluster), _stage_runs(plan), _totals(plan, cluster)
    )


def _stages(plan: Plan, study: Study, cluster: Cluster) -> Table:
    gpu = cluster.gpu
    title = (
        f"Stages of {study.name}: {parameter_count(study.model) / 1e9:.2f}B parameters on {gpu.name},\n"
        f"{gpu.peak_tflops:,.0f} TFLOP/s x {gpu.mfu:.0%} MFU x {cluster.goodput:.0%} goodput, "
        f"{gpu.price_per_hour:g} {gpu.currency} an hour"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in plan.stages:
        table.add_column(name, justify="right")
    columns = [_column(cost, cluster) for cost in plan.stages.values()]
    for row in columns[0]:
        table.add_row(row, *(column[row] for column in columns))
    return table


def _column(cost: StageCost, cluster: Cluster) -> dict[str, str]:
    how, micro_batch, recomputed = _how(cost)
    return {
        "dp x tp x pp": how,
        "micro-batch": f"{micro_batch}" + (", recompute" if recomputed else ""),
        "recompute, bubble": f"{cost.overhead.recompute:.0%}, {cost.overhead.bubble:.0%}",
        "all-reduce in, between": f"{cost.overhead.tensor:.0%}, {cost.overhead.data:.0%}",
        "steps": f"{cost.steps:,}",
        "tokens": f"{significant(cost.tokens / 1e9, 3)}B",
        "FLOPs": f"{cost.flops:.2e}",
        "tokens/s/GPU": f"{cost.tokens_per_gpu_second:,.0f}",
        "GPU-hours": _short(cost.gpu_hours),
        f"cost, {cluster.gpu.currency}": _short(cost.cost),
        "time": _time(cost.gpu_hours / cost.gpus),
        "memory, GB": f"{_short(cost.memory / GB)} of {cluster.gpu.memory_gb:g}",
        "saves, GB": _short(cost.checkpoint / GB),
        "checkpoint, GB": _short(cost.converted / GB),
    }


def _how(cost: StageCost) -> tuple[str, int | str, bool]:
    """How it is spread, its micro-batch, and whether layers are computed again."""
    if layout := cost.layout:
        return f"{layout.dp} x {layout.tp} x {layout.pp}", layout.micro_batch, layout.recompute
    settings = cost.settings
    assert settings is not None
    how = f"{settings.processes} x 1 x 1" + (f", {settings.parallel}" if settings.processes > 1 else "")
    return how, settings.micro_batch or "whole", settings.gradient_checkpointing


def _proposals(plan: Plan, study: Study, cluster: Cluster) -> Text:
    """Where another layout of as many GPUs would take less time: which, and how much less."""
    lines = []
    for name, cost in plan.stages.items():
        if cost.layout is None or cost.layout.dtype == "float32":
            continue
        found = cheapest(study.model, getattr(study.stages, name), cost.layout.gpus, cluster)
        if found and found[1].factor < cost.overhead.factor * (1 - _WORTH):
            layout, less = found[0], 1 - found[1].factor / cost.overhead.factor
            how = f"micro_batch {layout.micro_batch}, recompute {str(layout.recompute).lower()}"
            lines.append(f"{name}: {layout}, {how} would take {less:.0%} less time.")
    return Text("\n".join(lines))


def _stage_runs(plan: Plan) -> Table:
    """A row for each stage that several arms share, and one for all that serve a single arm."""
    table = Table(title="What is trained, once each", title_justify="left")
    for head in ("stage", "trained as", "used by"):
        table.add_column(head, overflow="fold")
    table.add_column("GPU-hours", justify="right")
    for name, cost in plan.stages.items():
        stage_runs = [
            (stage_run.arm, arms, seeds) for stage_run, arms, seeds in plan.stage_runs if stage_run.stage == name
        ]
        shared = [(arm, ", ".join(arms), seeds) for arm, arms, seeds in stage_runs if len(arms) > 1]
        alone = [(arm, seeds) for arm, arms, seeds in stage_runs if len(arms) == 1]
        if alone:
            names = "each arm" if len(alone) == len(plan.arms) else ", ".join(arm for arm, _ in alone)
            shared.append((names, "itself", sum(seeds for _, seeds in alone)))
        for trained, used, times in shared:
            table.add_row(name, trained, used, f"{times} x {_short(cost.gpu_hours)}")
    return table


def _totals(plan: Plan, cluster: Cluster) -> Text:
    gpu, arms = cluster.gpu, len(plan.arms)
    longest = max(plan.arms, key=lambda arm: plan.arms[arm])
    lines = [
        f"{arms} arms: {_short(plan.total)} GPU-hours, {_short(plan.total * gpu.price_per_hour)} {gpu.currency}.",
        f"Each arm by itself would take {_short(plan.unshared)}; sharing equal histories saves {_short(plan.saved)}.",
        f"The base model of {longest} takes {_short(plan.arms[longest])}; the paper, at 6.9B, states about "
        f"{PAPER_GPU_HOURS:,} for an end-to-end run, {arms * PAPER_GPU_HOURS:,} for {arms}.",
        *(f"{name}: {source}" for name, source in gpu.sources.items()),
    ]
    return Text("\n".join(lines))


def _time(hours: float) -> str:
    """In hours, or from two days on in days."""
    return f"{_short(hours)} h" if hours < 48 else f"{_short(hours / 24)} days"


def _short(value: float) -> str:
    """Whole from 10 on, two digits below."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
