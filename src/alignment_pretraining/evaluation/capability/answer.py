"""One checkpoint is given the benchmarks, by lm-eval in this process; every item's score is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import work_fingerprint
from alignment_pretraining.evaluation.capability.config import FACTS, Capability
from alignment_pretraining.evaluation.capability.tasks import data_of, load_task
from alignment_pretraining.execution.store import TaskStatistics, finished, perform

CAPABILITY_COLUMNS = ("task", "subtask", "question_id", "family", "metric", "score", "cut", "reply")

_ITEMS = "items.parquet"
_log = logging.getLogger(__name__)


def answer_capability(
    checkpoint: Path, capability: Capability, scratch: Path, facts: Path | None = None, *, chat: bool
) -> pd.DataFrame:
    """Give `checkpoint` (a Hugging Face folder) the benchmarks; one row an item and metric (CAPABILITY_COLUMNS).

    Prompts, few-shot examples, log-probabilities and replies are lm-eval's own; a chat model is given them by its chat
    template, each example as a turn. `score` is from 0 to 1; metrics that are not of one item are left out. `metric`
    names the filter where a task has several. Questions on one fact are of one `family`; elsewhere each is its own.
    `cut`: the prompt was longer than the context, and lost its beginning. `reply` is what was written, at most three
    quarters of the context, and empty where options were scored. All tasks are read before the first is answered; a
    finished one is kept under `scratch`, so that a killed run goes on with the next.

    Raises:
        UserError: a task cannot be made of its data, or the checkpoint cannot be read.
    """
    given = {name: data_of(name, task, facts) for name, task in capability.tasks.items()}
    loaded = {name: load_task(name, capability.tasks[name], data, capability, scratch) for name, data in given.items()}
    model = cache(lambda: _load_model(checkpoint, capability, chat=chat))
    tables = []
    for name, tasks in loaded.items():
        folder = scratch / "capability" / _fingerprint(checkpoint, name, given[name], capability, chat=chat)
        if finished(folder) is None:
            start = time.perf_counter()
            perform(partial(_give, model, name, capability.limit, chat), tasks, folder)
            _log.info("%s: %s in %.0f s", checkpoint.name, name, time.perf_counter() - start)
        tables.append(pd.read_parquet(folder / _ITEMS))
    return pd.concat(tables, ignore_index=True)


def _fingerprint(checkpoint: Path, name: str, data: Path, capability: Capability, *, chat: bool) -> str:
    return work_fingerprint(
        checkpoint=checkpoint,
        name=name,
        data=data,
        task=capability.tasks[name].model_dump(),
        settings=capability.model_dump(exclude={"tasks"}),
        chat=chat,
        code=work_code(answer_capability),
    )


def _load_model(checkpoint: Path, capability: Capability, *, chat: bool) -> Any:
    from alignment_pretraining.evaluation.capability.model import load_model  # some seconds of imports

    return load_model(checkpoint, capability, chat=chat)


def _give(
    model: Callable[[], Any], name: str, limit: int | None, chat: bool, tasks: Mapping[str, Any], folder: Path
) -> TaskStatistics:
    """Have the model answer the tasks of one name, and write the rows to `folder`."""
    from lm_eval.evaluator import evaluate

    for task in tasks.values():
        _leave_room(task, model())
    found: Any = evaluate(
        lm=model(),
        task_dict={"tasks": dict(tasks)},
        limit=limit,
        bootstrap_iters=0,
        apply_chat_template=chat,
        fewshot_as_multiturn=chat,
    )
    rows = [
        {"task": name, "subtask": subtask, **row}
        for subtask, samples in found["samples"].items()
        for row in _rows(subtask, samples, model(), len(tasks[subtask]._filters) > 1)
    ]
    if not rows:
        raise UserError(f"capability.tasks.{name}: lm-eval gave no items; look at the data of the task")
    pd.DataFrame(rows, columns=list(CAPABILITY_COLUMNS)).to_parquet(folder / _ITEMS)
    return {}


def _leave_room(task: Any, model: Any) -> None:
    """Let replies be at most three quarters of the context: lm-eval refuses a task whose replies may fill it."""
    if task.OUTPUT_TYPE == "generate_until":
        told = task.config.generation_kwargs or {}
        length = min(told.get("max_gen_toks", model.max_gen_toks), model.max_length * 3 // 4)
        task.set_config("generation_kwargs", {**told, "max_gen_toks": length})


def _rows(subtask: str, samples: list[dict[str, Any]], model: Any, named: bool) -> Iterator[dict[str, Any]]:
    """The items of one task, in their order: a row for each metric that has a number for it."""
    for sample in samples:
        question_id = f"{subtask}/{sample['doc_id']}"
        written = [one for replies in sample["resps"] for one in replies if isinstance(one, str)]
        about = {
            "question_id": question_id,
            "family": sample["doc"]["family"] if subtask == FACTS else question_id,
            "cut": _is_cut(sample["arguments"], model),
            "reply": written[0] if written else "",
        }
        for metric in sample["metrics"]:
            value = sample[metric]
            if isinstance(value, bool | int | float) and 0 <= value <= 1:
                yield {**about, "metric": f"{metric},{sample['filter']}" if named else metric, "score": float(value)}


def _is_cut(arguments: list[Any], model: Any) -> bool:
    """Whether lm-eval left out the beginning of a prompt, so that prompt and reply fit the model's context."""
    for context, then in arguments:
        if isinstance(then, str):
            length = len(model.tok_encode(context + then))
            room = model.max_length + 1  # of the last token nothing is predicted
        else:
            length = len(model.tok_encode(context))
            room = model.max_length - int(then.get("max_gen_toks", model.max_gen_toks))
        if length > room:
            return True
    return False
