"""Rates of every checkpoint on every benchmark, and the alignment tax: an arm's rate less the baseline's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.reporting.capability.average import Measured, measured
from alignment_pretraining.reporting.score_table import Scores, difference, rate, score_table
from alignment_pretraining.reporting.statistics import Estimate
from alignment_pretraining.study import StageRun, Study

CELL = ["arm", "stage"]
_MEASURED = ("low", "high", "low_90", "high_90", "over", "n_items", "n_seeds")
RATE_COLUMNS = ("key", *CELL, "task", "metric", "shots", "rate", *_MEASURED, "cut")
TAX_COLUMNS = (
    "key", *CELL, "reference", "reference_stage", "task", "rate", "reference_rate", "difference", *_MEASURED,
)  # fmt: skip
AVERAGE = "average"  # of all tasks, each counted alike

Kind = Literal["base", "post"]


@dataclass(frozen=True)
class Model:
    """A model that is compared: the checkpoint (`owner`, `stage`) that `arm` ends in; `paper_arm` is the paper's."""

    arm: str
    kind: Kind
    owner: str
    stage: str
    paper_arm: str | None

    @property
    def cell(self) -> tuple[str, str]:
        """Where it stands among the scores."""
        return self.owner, self.stage


def final_models(study: Study) -> list[Model]:
    """The last base model and the post-trained model of every arm, and checkpoints from elsewhere."""
    found = []
    for arm in study.selected_arms():
        last: list[tuple[Kind, StageRun]] = [("base", study.chain(arm)[-1])]
        if study.seeds.post_training:
            last.append(("post", study.post_chain(arm)[-1]))
        found += [Model(arm, kind, run.arm, run.stage, arm) for kind, run in last]
    for name, one in study.checkpoints.items():
        found.append(Model(name, "post" if one.chat else "base", name, "chat" if one.chat else "base", one.paper))
    return found


def references(study: Study) -> dict[Model, Model]:
    """What each model is compared with: of the same kind, the arm without filter and documents, or where the model is
    from elsewhere the checkpoint of that arm of the paper."""
    models = final_models(study)
    plain = [
        name
        for name in study.selected_arms()
        if study.arms[name].corpus == "unfiltered" and not study.arms[name].discourse
    ]
    baselines: dict[tuple[bool, Kind], Model] = {}
    for model in models:
        elsewhere = model.arm in study.checkpoints
        is_baseline = model.paper_arm == "unfiltered" if elsewhere else model.arm in plain[:1]
        if is_baseline:
            baselines.setdefault((elsewhere, model.kind), model)
    found = {}
    for model in models:
        baseline = baselines.get((model.arm in study.checkpoints, model.kind))
        if baseline and baseline.cell != model.cell:  # arms with an equal history are one model
            found[model] = baseline
    return found


def scores_by_task(items: pd.DataFrame, capability: Capability) -> dict[str, Scores]:
    """The scores of each task's metric; `items` are rows of `answer_capability` with arm, seed and stage."""
    by_task = {
        name: items[(items["task"] == name) & (items["metric"] == task.metric)]
        for name, task in capability.tasks.items()
    }
    return {name: score_table(rows, by=CELL) for name, rows in by_task.items()}


def capability_table(items: pd.DataFrame, scores: Mapping[str, Scores], capability: Capability) -> pd.DataFrame:
    """A row for each checkpoint and task, and where there are several tasks one for their average.

    `cut` is the share of items whose prompt was longer than the model's context.
    """
    cut = items.groupby([*CELL, "task"])["cut"].mean()
    rows = []
    for arm, stage in items[CELL].drop_duplicates().itertuples(index=False):
        for task, told in _with_average({name: rate(one, (arm, stage)) for name, one in scores.items()}):
            asked = capability.tasks.get(task)
            rows.append(
                {
                    "key": f"capability/{arm}/{stage}/{task}",
                    "arm": arm,
                    "stage": stage,
                    "task": task,
                    "metric": asked.metric if asked else "mean",
                    "shots": asked.shots if asked else None,
                    "rate": told.value,
                    **_interval(told),
                    "cut": float(cut[arm, stage, task]) if asked else float(cut[arm, stage].mean()),
                }
            )
    return pd.DataFrame(rows, columns=list(RATE_COLUMNS))


def tax_table(scores: Mapping[str, Scores], study: Study) -> pd.DataFrame:
    """A row for each model that has a baseline, and task: paired item by item, over the seeds that both have."""
    rows = [row for model, baseline in references(study).items() for row in _taxes(model, baseline, scores)]
    return pd.DataFrame(rows, columns=list(TAX_COLUMNS))


def _taxes(model: Model, baseline: Model, scores: Mapping[str, Scores]) -> Iterator[dict[str, Any]]:
    sides = {name: _sides(one, model, baseline) for name, one in scores.items()}
    sides[AVERAGE] = tuple(sum(side) / len(sides) for side in zip(*sides.values(), strict=True))
    for task, told in _with_average({name: difference(one, model.cell, baseline.cell) for name, one in scores.items()}):
        yield {
            "key": f"tax/{model.arm}/{model.stage}/{task}/minus/{baseline.arm}",
            "arm": model.arm,
            "stage": model.stage,
            "reference": baseline.arm,
            "reference_stage": baseline.stage,
            "task": task,
            "rate": sides[task][0],
            "reference_rate": sides[task][1],
            "difference": told.value,
            **_interval(told),
        }


def _sides(scores: Scores, model: Model, baseline: Model) -> tuple[float, ...]:
    """Both rates over the seeds that both have."""
    by_seed = [scores.by_seed(cell) for cell in (model.cell, baseline.cell)]
    shared = [seed for seed in by_seed[0] if seed in by_seed[1]]
    return tuple(sum(rates[seed] for seed in shared) / len(shared) for rates in by_seed)


def _with_average(estimates: Mapping[str, Estimate]) -> Iterator[tuple[str, Measured]]:
    """Each task's estimate, and where there are several their average."""
    yield from ((name, measured([one])) for name, one in estimates.items())
    if len(estimates) > 1:
        yield AVERAGE, measured(list(estimates.values()))


def _interval(told: Measured) -> dict[str, Any]:
    return {name: asdict(told)[name] for name in _MEASURED}
