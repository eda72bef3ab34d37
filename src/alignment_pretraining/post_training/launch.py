"""A stage in several processes: what they are told, how they are started, and what they leave."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from alignment_pretraining.core.files import write_atomically, write_text
from alignment_pretraining.execution.ranks import Machines, Ranks, run_ranks
from alignment_pretraining.execution.torchrun import run_local
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.post_training.saves import CURVE, saved_step
from alignment_pretraining.post_training.train import Result
from alignment_pretraining.study import DpoStage, SftStage

if TYPE_CHECKING:
    from datasets import Dataset

Prepare = Callable[[], "tuple[Recipe, Dataset]"]

ENTRY = "alignment_pretraining.post_training.entry"  # what every process runs
EXAMPLES = "examples"
_RECIPE, _RESULT = "recipe.json", "result.json"


def run_in_ranks(settings: PostTrainingConfig, prepare: Prepare, work: Path, machines: Machines | None) -> Result:
    """Train in processes of their own, here or on `machines`, and wait for them; one that was finished is taken up.

    Raises:
        UserError: the stage is not finished; names the log.
    """
    if not (work / _RESULT).exists():
        if not (work / _RECIPE).exists():
            _write_examples(prepare, work)
        recipe = replace(read_recipe(work / _RECIPE), settings=settings)
        _write_recipe(recipe, work / _RECIPE)
        _launch(recipe, work, machines)
    told = json.loads((work / _RESULT).read_text())
    return work / "checkpoint", pd.DataFrame(told["curve"]), told["summary"]


def read_recipe(path: Path) -> Recipe:
    """What `run_in_ranks` wrote for its processes."""
    told = json.loads(path.read_text())
    stage = (SftStage if told["name"] == "sft" else DpoStage).model_validate(told["stage"])
    settings = PostTrainingConfig.model_validate(told["settings"])
    return Recipe(Path(told["start"]), stage, told["seed"], settings, told["rows"])


def leave_result(result: Result, work: Path) -> None:
    """Write curve and summary beside the checkpoint, for `run_in_ranks`."""
    _, curve, summary = result
    write_text(work / _RESULT, json.dumps({"curve": curve.to_dict("list"), "summary": summary}))


def _write_examples(prepare: Prepare, work: Path) -> None:
    """On disk, so that what the first process makes of them is there for the others; the recipe last."""
    recipe, examples = prepare()
    shutil.rmtree(work / EXAMPLES, ignore_errors=True)
    examples.save_to_disk(str(work / EXAMPLES))
    _write_recipe(recipe, work / _RECIPE)


def _write_recipe(recipe: Recipe, path: Path) -> None:
    told: dict[str, Any] = {
        "name": recipe.name,
        "start": str(recipe.start.resolve()),
        "stage": recipe.stage.model_dump(),
        "seed": recipe.seed,
        "settings": recipe.settings.model_dump(),
        "rows": recipe.rows,
    }
    write_atomically(path, lambda part: part.write_text(json.dumps(told, indent=2)))


def _launch(recipe: Recipe, work: Path, machines: Machines | None) -> None:
    config, metrics, processes = work / _RECIPE, work / CURVE, recipe.settings.processes
    if recipe.settings.launcher == "local":
        run_local(ENTRY, config, processes, work / "job.log", metrics=metrics, steps=recipe.steps, label=recipe.label)
        return
    assert machines is not None
    label, about = f"{recipe.name}-seed{recipe.seed}", f"{recipe.name}, {recipe.settings.parallel}"
    ranks = Ranks(ENTRY, config, label, about, processes, machines)
    run_ranks(ranks, recipe.steps, metrics, lambda: recipe.steps if (work / _RESULT).exists() else saved_step(work))
