"""A stage in several processes: what they are told, how they are started, and what they leave."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignment_pretraining.core.files import write_atomically
from alignment_pretraining.execution.outcome import Outcome, is_finished, read_outcome
from alignment_pretraining.execution.ranks import Machines, Ranks, train_in_ranks
from alignment_pretraining.post_training.config import Further, PostTrainingConfig
from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.post_training.saves import CURVE, saved_step
from alignment_pretraining.study import DpoStage, SftStage

if TYPE_CHECKING:
    from datasets import Dataset

Prepare = Callable[[], "tuple[Recipe, Dataset]"]

ENTRY = "alignment_pretraining.post_training.entry"  # what every process runs
EXAMPLES = "examples"
_RECIPE = "recipe.json"


def run_in_ranks(settings: PostTrainingConfig, prepare: Prepare, work: Path, machines: Machines | None) -> Outcome:
    """Train in processes of their own, here or on `machines`, and wait for them; one that was finished is taken up.

    Raises:
        UserError: the stage is not finished; names the log.
    """
    if not is_finished(work):
        if not ((work / _RECIPE).exists() and (work / EXAMPLES).is_dir()):
            _write_examples(prepare, work)
        recipe = replace(read_recipe(work / _RECIPE), settings=settings)
        _write_recipe(recipe, work / _RECIPE)
        _launch(recipe, work, machines)
    return read_outcome(work)


def read_recipe(path: Path) -> Recipe:
    """What `run_in_ranks` wrote for its processes."""
    told = json.loads(path.read_text())
    stage = (SftStage if told["name"] == "sft" else DpoStage).model_validate(told["stage"])
    settings = PostTrainingConfig.model_validate(told["settings"])
    further = Further.model_validate(told["further"]) if told["further"] else None
    return Recipe(Path(told["start"]), stage, told["seed"], settings, told["rows"], further)


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
        "further": recipe.further.model_dump() if recipe.further else None,
    }
    write_atomically(path, lambda part: part.write_text(json.dumps(told, indent=2)))


def _launch(recipe: Recipe, work: Path, machines: Machines | None) -> None:
    settings, about = recipe.settings, f"{recipe.name}, {recipe.settings.parallel}"
    where = machines if settings.launcher == "slurm" else None
    ranks = Ranks(ENTRY, work / _RECIPE, recipe.label, about, settings.processes, where)
    train_in_ranks(ranks, recipe.steps, work / CURVE, lambda: recipe.steps if is_finished(work) else saved_step(work))
