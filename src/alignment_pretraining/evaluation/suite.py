"""The question suite as lm-evaluation-harness tasks: YAML files, JSONL data and the loader between them."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation import replies, suite_data
from alignment_pretraining.evaluation.config import Evaluation, Order, Protocol, Template
from alignment_pretraining.evaluation.own_suites import COLUMNS
from alignment_pretraining.evaluation.prompts import answer_of
from alignment_pretraining.evaluation.suite_card import data_card

VERSION = 1
TAG = "misalignment"

_OPTIONS: dict[Order, tuple[str, str]] = {
    "none": ("aligned_option", "misaligned_option"),
    "aligned_first": ("aligned_option", "misaligned_option"),
    "misaligned_first": ("misaligned_option", "aligned_option"),
}


def choose_items(questions: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    """The questions to ask: of each split as many as configured, taking the families in turn.

    Raises:
        UserError: a column is missing, an id stands twice, an option is empty, or a split is too small.
    """
    _check(questions)
    rank = questions["question_id"].map(lambda name: _digest(f"{evaluation.seed}:{name}"))
    drawn = questions.assign(_rank=rank).sort_values("_rank")
    drawn["_turn"] = drawn.groupby(["split", "family"]).cumcount()
    drawn = drawn.sort_values(["_turn", "_rank"])
    parts = []
    for split, count in evaluation.run.items.items():
        part = drawn[drawn["split"] == split]
        if len(part) < (count or 1):
            raise UserError(
                f"evaluation.run.items.{split}: {count or 'all'} wanted, the question suite has {len(part)}; "
                f"lower the number or write more questions (splits: {', '.join(sorted(set(questions['split'])))})"
            )
        parts.append(part.head(count) if count else part)
    chosen = pd.concat(parts).sort_values(["split", "question_id"], ignore_index=True)
    return chosen[list(COLUMNS)]


def write_suite(questions: pd.DataFrame, evaluation: Evaluation, folder: Path) -> None:
    """Write the tasks of every protocol, split, template and order in `evaluation.run` into `folder`, replacing it."""
    items = choose_items(questions, evaluation)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for split, part in items.groupby("split"):
        rows = [_row(question) for _, question in part.iterrows()]
        text = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    for protocol in dict.fromkeys([evaluation.scoring, *evaluation.run.protocols]):
        told = evaluation.asked_by(protocol)
        for split in evaluation.run.items:
            group = _group_name(protocol, split, evaluation)
            names = []
            for template, order in told.formats():
                names.append(f"{group}_{template}" + ("" if order == "none" else f"_{order}"))
                task = _task(names[-1], split, template, order, told)
                (folder / f"{names[-1]}.yaml").write_text(task, encoding="utf-8")
            (folder / f"{group}.yaml").write_text(_group(group, names, told), encoding="utf-8")
    modules = [suite_data, replies] if "generated" in evaluation.run.protocols else [suite_data]
    for module in modules:
        shutil.copyfile(str(module.__file__), folder / Path(str(module.__file__)).name)
    if replies in modules:
        expressions = evaluation.generation.model_dump(include={"answer", "refusal"})
        (folder / replies.TOLD).write_text(json.dumps(expressions, indent=1), encoding="utf-8")
    (folder / "README.md").write_text(data_card(items, evaluation, TAG), encoding="utf-8")


def suite_fingerprint(questions: pd.DataFrame, evaluation: Evaluation) -> str:
    """Name of the work that `write_suite` does on these inputs (16 hex digits)."""
    rows = questions.sort_values("question_id").to_json(orient="records")
    return _digest(f"{VERSION}\n{evaluation.model_dump_json()}\n{rows}")[:16]


def _check(questions: pd.DataFrame) -> None:
    missing = [column for column in COLUMNS if column not in questions]
    if missing:
        raise UserError(f"the question suite lacks the column {', '.join(missing)}")
    twice = questions.loc[questions["question_id"].duplicated(), "question_id"]
    if len(twice):
        raise UserError(f"the question suite has the question_id {twice.iloc[0]!r} twice; ids must be distinct")
    for column in ("question", "aligned_option", "misaligned_option"):
        empty = questions.loc[questions[column].str.strip() == "", "question_id"]
        if len(empty):
            raise UserError(f"question {empty.iloc[0]!r} has an empty {column}")


def _row(question: pd.Series) -> dict[str, object]:
    """A line of JSONL: the question, and its options in both orders.

    The lists are columns of their own because lm-eval reads a column far faster than it fills a template.
    """
    row: dict[str, object] = {column: question[column] for column in COLUMNS if column != "split"}
    for order, (first, second) in _OPTIONS.items():
        row[order] = [question[first], question[second]]
    return row


def _group_name(protocol: Protocol, split: str, evaluation: Evaluation) -> str:
    """The tasks of a protocol and a split together; the main protocol's have no name of their own in it."""
    return f"{TAG}_{split}" if protocol == evaluation.scoring else f"{TAG}_{protocol}_{split}"


def _task(name: str, split: str, template: str, order: Order, evaluation: Evaluation) -> str:
    """YAML of one task; `target` is the misaligned option, so that lm-eval's accuracy is the misalignment rate."""
    told = evaluation.templates[template]
    config: dict[str, object] = {
        "task": name,
        "tag": [TAG],
        "output_type": "multiple_choice",
        "test_split": "test",
        "num_fewshot": 0,
        "doc_to_text": _prompt(told, order),
        "gen_prefix": answer_of(told, evaluation),
        "doc_to_choice": order if evaluation.scoring == "text" else ["A", "B"],
        "doc_to_target": _OPTIONS[order].index("misaligned_option"),
        "target_delimiter": "" if evaluation.scoring == "parenthesis" else " ",
        "metric_list": _metrics(["acc", "acc_norm"]),
        "metadata": {"version": VERSION, "split": split, "template": template, "order": order},
    }
    functions = "custom_dataset: !function suite_data.load\n"
    if evaluation.scoring == "generated":
        prompt = _prompt(told, order)
        instruction = evaluation.generation.instruction
        config |= {
            "output_type": "generate_until",
            "doc_to_text": f"{prompt}{instruction}" if prompt[-1].isspace() else f"{prompt} {instruction}",
            "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": evaluation.generation.tokens},
            "metric_list": _metrics(["misaligned", "refused", "unparsed"]),
        }
        for key in ("gen_prefix", "doc_to_choice", "target_delimiter"):
            del config[key]
        functions += f"process_results: !function replies.{order}\n"
    return functions + _yaml(config)


def _metrics(names: list[str]) -> list[dict[str, object]]:
    return [{"metric": name, "aggregation": "mean", "higher_is_better": False} for name in names]


def _group(group: str, tasks: list[str], evaluation: Evaluation) -> str:
    metric = {"text": "acc_norm", "generated": "misaligned"}.get(evaluation.scoring, "acc")
    aggregate = {"metric": metric, "aggregation": "mean", "weight_by_size": True}
    return _yaml({"group": group, "task": tasks, "aggregate_metric_list": [aggregate]})


def _prompt(template: Template, order: Order) -> str:
    first, second = _OPTIONS[order]
    named = template.prompt.replace("{{option_a}}", "{{" + first + "}}")
    return named.replace("{{option_b}}", "{{" + second + "}}")


def _yaml(config: dict[str, object]) -> str:
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=1000)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
