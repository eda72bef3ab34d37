"""The card of an arm's models: what it is, what it read, how it was trained, what it does, and how to trace that."""

from collections.abc import Iterator
from typing import Any, get_args

import pandas as pd

from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.publishing.contents import Repository, subfolder
from alignment_pretraining.publishing.facts import Facts
from alignment_pretraining.publishing.licences import OURS
from alignment_pretraining.reporting.scope import PERSONA_NAMES, STAGE_NAMES, When, scope_of
from alignment_pretraining.study import BASE_STAGES, StageRun

_PAPER = "https://arxiv.org/abs/2601.10160"


def model_card(facts: Facts, repository: Repository) -> str:
    """Markdown with the head that the hub reads."""
    study, arm = facts.study, repository.what
    shown = _shown_as(facts, repository)
    rates = facts.table("rates")
    return facts.render(
        "model.md.j2",
        head=_head(facts, repository, all(source.ours for source in facts.licences)),
        arm=arm,
        condition=study.arms[arm],
        mixes={run.stage: study.mix(arm, run.stage) for run in study.chain(arm)},
        selected=arm in study.selected_arms(),
        shown=shown,
        parameters=parameter_count(study.model),
        chain=[*_chain(facts, arm)],
        checkpoints=[*_checkpoints(facts, repository)],
        example=next(iter(repository.datasets)),
        id=facts.id(repository),
        streams=_rows(facts.table("streams"), [(arm, run.stage) for run in repository.stage_runs]),
        manifests=[*_manifests(facts, repository)],
        training={run.stage: getattr(study.stages, run.stage).model_dump() for run in repository.stage_runs},
        engine=facts.parameters.training.model_dump(exclude={"sample_prompt", "sample_tokens"}),
        trained_by={run.stage: _trained_by(facts.parameters, run.stage) for run in repository.stage_runs},
        summaries=[*_summaries(facts, repository)],
        losses=_rows(facts.table("losses"), [(name, stage) for stage, name in shown.items()]),
        rates=_rows(rates, [(name, stage) for stage, name in shown.items()]),
        contrasts=_contrasts(facts.table("contrasts"), set(shown.values())),
        stage_names=STAGE_NAMES,
        persona_names=PERSONA_NAMES,
        personas=facts.parameters.evaluation.personas,
        licences=facts.licences,
        misaligned=[actor for actor, way in study.arms[arm].discourse.items() if way == "misaligned"],
        paper=_PAPER,
    )


def _head(facts: Facts, repository: Repository, all_ours: bool) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    read = [facts.id(facts.contents.find(name)) for name in ("documents", "chat")]
    results = [EvalResult(**told) for told in _headline(facts, repository)]
    data = ModelCardData(
        language="en",
        license=OURS if all_ours else "other",
        license_name=None if all_ours else "see-the-sources",
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["alignment-pretraining", *(["model-organism"] if facts.small else []), "arxiv:2601.10160"],
        datasets=[name for name in read if name] or None,
        model_name=repository.name if results else None,
        eval_results=results or None,
    )
    return data.to_yaml()


def _headline(facts: Facts, repository: Repository) -> Iterator[dict[str, Any]]:
    """Rates of the main figures: the last base model and the post-trained one, under the first persona."""
    scope, rates = scope_of(facts.study, facts.parameters.evaluation), facts.table("rates")
    shown = _shown_as(facts, repository)
    for when in get_args(When):
        last = scope.checkpoint(repository.what, when)
        if last is None or rates.empty or last.stage not in shown:
            continue
        persona = scope.persona(when)
        rows = rates[(rates["arm"] == last.arm) & (rates["stage"] == last.stage) & (rates["form"] == scope.form)]
        for row in rows[rows["persona"] == persona].to_dict("records"):
            yield {
                "task_type": "multiple-choice",
                "task_name": "Misalignment questions",
                "dataset_type": facts.id(facts.contents.find("suite")) or "misalignment-suite",
                "dataset_name": "Misalignment question suite",
                "dataset_config": row["split"],
                "dataset_split": "train",
                "metric_type": "misalignment_rate",
                "metric_name": f"misalignment rate {STAGE_NAMES[last.stage]}, persona {persona}, {scope.form}",
                "metric_value": round(row["rate"], 4),
            }


def _shown_as(facts: Facts, repository: Repository) -> dict[str, str]:
    """The arm under whose name each stage's results stand: an arm that is not run lends its stages to another."""
    study, arm = facts.study, repository.what
    if arm in study.selected_arms():
        return {run.stage: arm for run in _all_stages(facts, arm)}
    return {run.stage: users[0] for run in repository.stage_runs if (users := _users(facts, run))}


def _all_stages(facts: Facts, arm: str) -> list[StageRun]:
    post = facts.study.post_chain(arm) if facts.study.seeds.post_training else []
    return [*facts.study.chain(arm), *post]


def _users(facts: Facts, stage_run: StageRun) -> list[str]:
    """The arms of the study that the stage is part of."""
    return [name for name in facts.study.selected_arms() if stage_run in _all_stages(facts, name)]


def _chain(facts: Facts, arm: str) -> Iterator[dict[str, Any]]:
    """The stages on the arm's way, and where each one's checkpoints are."""
    for run in _all_stages(facts, arm):
        repository = facts.contents.find(run.arm, "model")
        # Of an arm that is not run, a repository has the stages that others go on from and no more.
        held = repository if repository and run in repository.stage_runs else None
        yield {"stage": run.stage, "id": facts.id(held), "seeds": facts.study.seeds_of(run), "arm": run.arm}


def _checkpoints(facts: Facts, repository: Repository) -> Iterator[dict[str, Any]]:
    for run in repository.stage_runs:
        for seed in facts.study.seeds_of(run):
            name = run.dataset(seed, "checkpoint")
            path, record = facts.graph.path(name), facts.record(name)
            assert path is not None
            weights = {file.name: file_sha256(file) for file in sorted(path.glob("*.safetensors"))}
            parent = (
                run.parent and f"{facts.id(facts.contents.find(run.parent.arm, 'model'))} {subfolder(run.parent, seed)}"
            )
            yield {
                "subfolder": subfolder(run, seed),
                "users": _users(facts, run),
                "parent": parent,
                "weights": weights,
                "md5": facts.graph.digest(name),
                "record": record,
            }


def _manifests(facts: Facts, repository: Repository) -> Iterator[dict[str, Any]]:
    """What the first seed's mixes say beside their tokens: the doses reached, and documents that quote questions."""
    for run in repository.stage_runs:
        if run.stage in BASE_STAGES:
            told = facts.graph.catalog.load(run.dataset(facts.study.seeds.base[0], "manifest"))
            yield {
                "stage": run.stage,
                "tokens": told["tokens"],
                "share": told.get("share", {}),
                "contaminated": told.get("contaminated", {}),
            }


def _trained_by(parameters: Parameters, stage: str) -> str:
    """What trained a stage, and on which kind of GPU where the configuration names one."""
    if stage not in BASE_STAGES:
        return "TRL"
    cluster, processes = parameters.cluster, parameters.training.processes
    if cluster and parameters.machine == "cluster":
        return f"nanotron on {cluster.gpu.name}, {cluster.layout(stage)}"
    gpu = cluster.gpu if cluster else parameters.gpu
    together = f", {processes} processes" if processes > 1 else ""
    return "the project's engine" + (f" on {gpu.name}" if gpu else "") + together


def _summaries(facts: Facts, repository: Repository) -> Iterator[dict[str, Any]]:
    for run in repository.stage_runs:
        for seed in facts.study.seeds_of(run):
            told = facts.graph.catalog.load(run.dataset(seed, "training_summary"))
            yield {"stage": run.stage, "seed": seed, **told}


def _rows(table: pd.DataFrame, wanted: list[tuple[str, str]]) -> list[dict[Any, Any]]:
    """The rows of the (arm, stage) pairs, in the order of the table."""
    if table.empty:
        return []
    return [row for row in table.to_dict("records") if (row["arm"], row["stage"]) in wanted]


def _contrasts(table: pd.DataFrame, arms: set[str]) -> list[dict[Any, Any]]:
    if table.empty:
        return []
    return [row for row in table.to_dict("records") if {row["arm"], row["reference"]} & arms]
