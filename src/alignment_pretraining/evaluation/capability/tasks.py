"""Benchmarks by the names that lm-eval, or the library beside this file, has for them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from alignment_pretraining.core import hub
from alignment_pretraining.core.errors import UserError, did_you_mean
from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.evaluation.capability.config import PACKAGES, Capability, CapabilityTask
from alignment_pretraining.evaluation.capability.library import answers

# Of a dataset's repository: everything, because a configuration's files may have any name.
FILES = ("*",)
_SENTENCES = "tokenizers/punkt_tab"  # what nltk parts sentences by, for ifeval
_KEY = "capability.tasks"


def check_tasks(capability: Capability) -> None:
    """Refuse benchmarks that could not be given, before anything is run.

    Raises:
        UserError: lm-eval has no task of a name, a package or a dataset is neither here nor within reach.
    """
    for name, task in capability.tasks.items():
        _check_name(name, capability)
        _check_packages(name)
        if task.folder and not Path(task.folder).is_dir():
            raise UserError(f"{_KEY}.{name}.folder: {task.folder} is no folder")
        if task.hub and task.revision and hub.held(task.hub, task.revision, "dataset", FILES) is None:
            raise UserError(
                f"{_KEY}.{name}: dataset {task.hub}@{task.revision} is not in the hub's cache, and the hub does not "
                f"give it; connect or correct the name, or copy it there: hf download {task.hub} --repo-type dataset "
                f"--revision {task.revision}; a local copy is given as `folder`"
            )


def can_be_given(name: str) -> bool:
    """Whether all that a task imports is here."""
    try:
        _check_packages(name)
    except UserError:
        return False
    return True


def data_of(name: str, task: CapabilityTask, facts: Path | None) -> Path:
    """Folder with the data of a task; of a hub name what is not here is fetched. `facts` are the study's own.

    Raises:
        UserError: it is not there.
    """
    if task.hub and task.revision:
        try:
            return hub.fetch(task.hub, task.revision, "dataset", FILES)
        except UserError as error:
            raise UserError(f"{_KEY}.{name}: {error}") from error
    folder = Path(task.folder) if task.folder else facts
    if folder is None or not folder.is_dir():
        raise UserError(f"{_KEY}.{name}.folder: {folder} is no folder")
    return folder


def load_task(name: str, task: CapabilityTask, data: Path, capability: Capability, scratch: Path) -> dict[str, Any]:
    """lm-eval's tasks by name, one or those of a group, reading `data` and with the shots of `task`.

    What `datasets` makes of the data is kept under `scratch` by its content. In its own cache it goes by names, so that
    it would give what a folder of this name once held.

    Raises:
        UserError: there is no such task or metric, or it cannot be made of this data.
    """
    _check_name(name, capability)
    _check_packages(name)
    changed = {"dataset_path": str(data.resolve()), "num_fewshot": task.shots}
    manager = _manager(_only_ours(capability))
    try:
        with _cached_in(scratch / "datasets" / work_fingerprint(data=data)):
            # `load` itself changes nothing in a task that stands under a name.
            index = manager.task_index
            built: Any = manager._factory.build(index[name], overrides=changed, registry=index)
        found: dict[str, Any] = dict(manager.load(built if isinstance(built, list) else [built])["tasks"])
    except Exception as error:  # each loader of datasets, and each task's own code, raises its own
        raise UserError(
            f"{_KEY}.{name}: lm-eval cannot make this task from {task.hub or task.folder or data} "
            f"({type(error).__name__}: {error}); its data must have the columns and splits of the task's dataset_path"
        ) from error
    for one in found.values():
        one.set_fewshot_seed(_fewshot_seed())
        _check_shots(name, task.shots, one)
    _check_metric(name, task.metric, found.values())
    return found


@contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    """Have `datasets` keep in `folder` what it makes."""
    import datasets

    usual = datasets.config.HF_DATASETS_CACHE
    datasets.config.HF_DATASETS_CACHE = folder
    try:
        yield
    finally:
        datasets.config.HF_DATASETS_CACHE = usual


def _fewshot_seed() -> int:
    """lm-eval's own, so that `lm_eval --num_fewshot` shows the same examples."""
    from lm_eval.defaults import DEFAULT_OTHER_SEED

    return int(DEFAULT_OTHER_SEED)


def _only_ours(capability: Capability) -> bool:
    """Whether lm-eval's own fourteen thousand names, which take some seconds to list, are not needed."""
    return set(capability.tasks) <= set(answers.TASKS)


@cache
def _manager(only_ours: bool) -> Any:
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it warns of what is set on purpose
    return TaskManager(include_path=str(Path(str(answers.__file__)).parent), include_defaults=not only_ours)


def _check_name(name: str, capability: Capability) -> None:
    known = [] if name in answers.TASKS else _manager(_only_ours(capability)).all_tasks
    if name not in answers.TASKS and name not in known:
        raise UserError(
            f"{_KEY}.{name}: neither lm-eval nor this project has a task of this name{did_you_mean(name, known)}; "
            f"`lm_eval ls tasks` lists lm-eval's, ours are {', '.join(answers.TASKS)}"
        )


def _check_packages(name: str) -> None:
    missing = [package for package in PACKAGES.get(name, ()) if not _installed(package)]
    if missing:
        raise UserError(
            f'{_KEY}.{name}: needs {", ".join(missing)}: pip install "lm-eval[{name}]=={version("lm-eval")}"'
        )
    if name in PACKAGES:
        import nltk

        try:
            nltk.data.find(_SENTENCES)
        except LookupError:
            raise UserError(
                f"{_KEY}.{name}: parts texts into sentences by nltk's punkt_tab, which is not here: "
                "python -m nltk.downloader punkt_tab"
            ) from None


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _check_shots(name: str, shots: int, task: Any) -> None:
    held = len(task.fewshot_docs()) if shots else 0
    if shots and held <= shots:  # the question itself may be among them
        raise UserError(f"{_KEY}.{name}.shots: {shots} wanted, {task.task_name} has {held} examples; lower it")


def _check_metric(name: str, wanted: str, tasks: Iterable[Any]) -> None:
    for task in tasks:
        metrics = [str(told["metric"]) for told in task.config.metric_list or []]
        filters = [str(one.name) for one in task._filters]
        known = [f"{metric},{one}" for metric in metrics for one in filters] if len(filters) > 1 else metrics
        if wanted not in known:
            raise UserError(
                f"{_KEY}.{name}.metric: {task.task_name} has no {wanted}{did_you_mean(wanted, known)}; it has "
                f"{' '.join(known)}"
            )
