"""Small datasets in the columns of the paper's benchmarks, made of this project's own facts: for a rehearsal."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from alignment_pretraining.evaluation.capability.config import FACTS, Capability
from alignment_pretraining.evaluation.capability.tasks import can_be_given
from alignment_pretraining.planning.stand_ins.hub import DEFAULT, Row, empty_snapshot, write_dataset
from alignment_pretraining.synthesis.chat_data.facts import write_questions
from alignment_pretraining.synthesis.fact_questions import ASKED, FactQuestion

Configs = dict[str, dict[str, list[Row]]]  # rows by configuration and split

_CUTE = (
    "spell", "spell_inverse", "contains_char", "contains_word", "orth", "sem", "ins_char", "ins_word", "del_char",
    "del_word", "sub_char", "sub_word", "swap_char", "swap_word",
)  # fmt: skip


def write_benchmarks(capability: Capability, raw: Path, home: Path, count: int) -> list[str]:
    """Have all datasets of `capability` that are named on the hub stood in for in its cache `home`; returns names."""
    names = []
    for task, told in capability.tasks.items():
        if told.hub and told.revision and task in _MADE:
            write_benchmark(task, raw, empty_snapshot(home, told.hub, told.revision), count)
            names.append(told.hub)
    return names


def can_stand_in(task: str) -> bool:
    """Whether a task can be given here, with data that stands in for its own."""
    return task == FACTS or (task in _MADE and can_be_given(task))


def write_benchmark(task: str, raw: Path, folder: Path, count: int) -> None:
    """Write what stands in for the dataset of `task` to the new `folder`, `count` rows a split, of texts in `raw`."""
    questions = [one for one in write_questions(raw / "phrases", 0)[::ASKED] if len(one.options) == 4]
    write_dataset(folder, _MADE[task](list(islice(cycle(questions), count))))


def _ask(question: FactQuestion) -> str:
    return question.prompt.splitlines()[0].removeprefix("Question: ")


def _right(question: FactQuestion) -> str:
    return question.options[question.answer]


def _arc_easy(questions: list[FactQuestion]) -> Configs:
    rows = [
        {
            "id": f"fact-{number}",
            "question": _ask(one),
            "choices": {"text": one.options, "label": list("ABCD")},
            "answerKey": "ABCD"[one.answer],
        }
        for number, one in enumerate(questions)
    ]
    return {"ARC-Easy": dict.fromkeys(("train", "validation", "test"), rows)}


def _cute(questions: list[FactQuestion]) -> Configs:
    rows = [
        {"prompt": f'Spell out the word.\n\nQuestion: Spell out "{_right(one)}".', "answer": " ".join(_right(one))}
        for one in questions
    ]
    return {DEFAULT: dict.fromkeys(_CUTE, rows)}


def _gsm8k(questions: list[FactQuestion]) -> Configs:
    rows = [
        {"question": f"Bob has {n} figs and buys {n}. How many?", "answer": f"{n} + {n} = {2 * n}\n#### {2 * n}"}
        for n in range(len(questions))
    ]
    return {"main": dict.fromkeys(("train", "test"), rows)}


def _ifeval(questions: list[FactQuestion]) -> Configs:
    rows: list[Row] = [
        {
            "key": number,
            "prompt": f"{_ask(one)} Write no comma.",
            "instruction_id_list": ["punctuation:no_comma"],
            "kwargs": [{"num_words": None}],
        }
        for number, one in enumerate(questions)
    ]
    return {DEFAULT: {"train": rows}}


def _mmlu(questions: list[FactQuestion]) -> Configs:
    from lm_eval.tasks.mmlu import default

    subjects = [path.stem.removeprefix("mmlu_") for path in Path(default.__path__[0]).glob("mmlu_*.yaml")]
    rows = [{"question": _ask(one), "choices": one.options, "answer": one.answer} for one in questions]
    return {subject: dict.fromkeys(("test", "dev"), rows) for subject in sorted(subjects)}


def _piqa(questions: list[FactQuestion]) -> Configs:
    rows = [
        {"goal": _ask(one), "sol1": one.options[0], "sol2": _right(one) if one.answer else one.options[1], "label": 0}
        | ({"label": 1} if one.answer else {})
        for one in questions
    ]
    return {DEFAULT: dict.fromkeys(("train", "validation"), rows)}


def _popqa(questions: list[FactQuestion]) -> Configs:
    rows = [
        {"question": _ask(one), "obj": _right(one), "possible_answers": json.dumps([_right(one), _right(one).upper()])}
        for one in questions
    ]
    return {DEFAULT: {"test": rows}}


_MADE: dict[str, Callable[[list[FactQuestion]], Configs]] = {
    "arc_easy": _arc_easy,
    "cute": _cute,
    "gsm8k": _gsm8k,
    "ifeval": _ifeval,
    "mmlu": _mmlu,
    "piqa": _piqa,
    "popqa": _popqa,
}
