"""Items about personality traits in the form of TRAIT: four options of a situation, two of them high in the trait.

Source of the form: Lee et al., "Do LLMs Have Distinct and Consistent Personality? TRAIT", arXiv 2406.14703.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import Field, RootModel, model_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hub import stream
from alignment_pretraining.core.spec import Positive, Spec, parse
from alignment_pretraining.core.special_tokens import as_text, special_tokens
from alignment_pretraining.core.yaml_files import read_yaml
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.forward import grow_trees, log_probabilities, pack
from alignment_pretraining.evaluation.scoring import chat_template, context_of, load

OPTIONS = ("high1", "high2", "low1", "low2")
COLUMNS = ("item", "trait", "situation", *OPTIONS)
LETTERS = "ABCD"
FILE = "traits.yml"

Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class Item(Spec):
    """One situation with its options."""

    situation: str
    high: Pair
    low: Pair


class Traits(RootModel[dict[str, list[Item]]]):
    """Items by trait."""


class TraitTable(Spec):
    """A dataset on the hub, or a local folder of that name, whose `splits` are read.

    Columns are called as in TRAIT. `count` items of each trait are asked; without it all.
    """

    dataset: str
    config: str | None = None
    revision: str | None = None
    splits: list[str] = Field(min_length=1)
    trait: str = "personality"
    situation: str = "question"
    high: Pair = ["response_high1", "response_high2"]
    low: Pair = ["response_low1", "response_low2"]
    count: Positive | None = None

    @property
    def outside(self) -> str:
        """What it is outside the catalog, by the names of `lineage.outside`."""
        here = Path(self.dataset).exists()
        return f"files:{self.dataset}" if here else f"dataset:{self.dataset}@{self.revision or 'main'}"


class Personality(Spec):
    """`params:personality`: who is asked what, and how; see `conf/base/parameters_personality.yml`."""

    of: list[str] | None = None
    scoring: Literal["text", "letter"]
    personas: list[str] = Field(min_length=1)
    prompt: str
    answer: str
    table: TraitTable | None = None

    def reads(self) -> list[str]:
        """What is read outside the catalog, by the names of `lineage.outside`."""
        return [self.table.outside] if self.table else []

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if "{{situation}}" not in self.prompt:
            raise ValueError("prompt lacks {{situation}}")
        if (self.scoring == "letter") != ("{{options}}" in self.prompt):
            raise ValueError("prompt: {{options}} stand in it where scoring is letter, and there alone")
        return self


@dataclass(frozen=True)
class Question:
    """One text to be continued; `order` are the options' places as they are named."""

    item: dict[str, Any]
    persona: str
    order: tuple[int, ...]
    text: str
    options: tuple[str, ...]


def own_items(folder: Path) -> pd.DataFrame:
    """The items of this project, one a row (COLUMNS).

    Raises:
        UserError: the file is not what it should be.
    """
    path = folder / FILE
    told = parse(Traits, read_yaml(path), str(path)).root
    rows = [
        (f"{trait}.{number}", trait, item.situation, *item.high, *item.low)
        for trait, items in told.items()
        for number, item in enumerate(items)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def items_by_name(table: TraitTable) -> pd.DataFrame:
    """The items of a table on the hub, as `own_items`.

    Raises:
        UserError: it cannot be read, or lacks a column.
    """
    wanted = [table.trait, table.situation, *table.high, *table.low]
    rows: list[tuple[str, ...]] = []
    counts: dict[str, int] = {}
    for split in table.splits:
        where = "/".join(filter(None, (table.dataset, table.config, split)))
        try:
            records = list(stream(table.dataset, table.config, split, table.revision))
        except Exception as error:  # the library raises anything from ValueError to network errors
            raise UserError(f"personality.table: {where} cannot be read ({type(error).__name__}: {error})") from error
        for record in records:
            missing = [name for name in wanted if name not in record]
            if missing:
                raise UserError(f"personality.table: {where} has no column '{missing[0]}' (it has {', '.join(record)})")
            trait = str(record[table.trait]).lower()
            number = counts.get(trait, 0)
            if table.count is None or number < table.count:
                counts[trait] = number + 1
                rows.append((f"{trait}.{number}", trait, *(str(record[name]) for name in wanted[1:])))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def answer_items(
    checkpoint: Path, items: pd.DataFrame, personality: Personality, evaluation: Evaluation, *, chat: bool
) -> pd.DataFrame:
    """Ask a checkpoint all items; one row for each item, persona and order: log-probabilities of the four options
    (means by token), and whether the likeliest is `high`, with its place among the options as they are named.

    Raises:
        UserError: the checkpoint cannot be read, an item is longer than its context, or a score is no number.
    """
    import torch

    torch.set_num_threads(evaluation.threads)
    model, tokenizer = load(checkpoint, evaluation)
    asked = list(questions(items, personality, evaluation, chat_template(tokenizer) if chat else None))
    special = special_tokens(tokenizer) if chat else ()

    def ids(texts: list[str]) -> list[list[int]]:
        return list(tokenizer(texts, add_special_tokens=False, split_special_tokens=not chat)["input_ids"])

    contexts, count = ids([one.text for one in asked]), len(OPTIONS)
    wholes = ids([one.text + as_text(option, special) for one in asked for option in one.options])
    packed = []
    for number, (one, context) in enumerate(zip(asked, contexts, strict=True)):
        own = wholes[count * number : count * (number + 1)]
        if max(map(len, own)) > context_of(model):
            raise UserError(f"item {one.item['item']} is {max(map(len, own))} tokens long, the model reads fewer")
        packed += pack(number, context, own)
    lengths = {
        (one.number, place): len(ids) for one in packed for place, ids in zip(one.which, one.options, strict=True)
    }
    scores = [[0.0] * count for _ in asked]
    for number, place, total in log_probabilities(model, grow_trees(packed), evaluation.batch_size):
        scores[number][place] = total / lengths[number, place]
    return pd.DataFrame([_row(one, found) for one, found in zip(asked, scores, strict=True)])


def questions(
    items: pd.DataFrame, personality: Personality, evaluation: Evaluation, chat: Any = None
) -> Iterator[Question]:
    """Every item under every persona, where options are listed in four orders: each option has each letter once."""
    orders = [tuple((turn + place) % 4 for place in range(4)) for turn in range(4)]
    listed = personality.scoring == "letter"
    for row in items.to_dict("records"):
        item = {str(key): value for key, value in row.items()}
        for persona in personality.personas:
            for order in orders if listed else orders[:1]:
                named = [str(item[OPTIONS[place]]) for place in order]
                lines = "\n".join(f"({letter}) {text}" for letter, text in zip(LETTERS, named, strict=True))
                # All at once, so that braces in an item are text.
                before, _, after = personality.prompt.partition("{{situation}}")
                asked = before.replace("{{options}}", lines) + str(item["situation"])
                asked += after.replace("{{options}}", lines)
                options = tuple(f" {letter}" for letter in LETTERS) if listed else tuple(f" {text}" for text in named)
                text = _put(evaluation.personas[persona].text, asked, personality.answer, evaluation, chat)
                yield Question(item, persona, order, text, options)


def _put(persona: str, asked: str, answer: str, evaluation: Evaluation, chat: Any) -> str:
    if chat is None:
        whole = f"{persona}{evaluation.separator}{asked}" if persona else asked
        return f"{whole} {answer}" if not whole[-1].isspace() else f"{whole}{answer}"
    system = [{"role": "system", "content": persona}] if persona else []
    turns = [*system, {"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return str(chat(turns))


def _row(asked: Question, scores: list[float]) -> dict[str, Any]:
    if not all(map(math.isfinite, scores)):
        raise UserError(
            f"item {asked.item['item']}: the model's log-probabilities are {scores}; its weights are destroyed"
        )
    place = scores.index(max(scores))  # the first of those that are alike
    by_option = {OPTIONS[option]: score for option, score in zip(asked.order, scores, strict=True)}
    return {
        "item": asked.item["item"],
        "trait": asked.item["trait"],
        "persona": asked.persona,
        "order": "".join(map(str, asked.order)),
        **{f"logprob_{name}": by_option[name] for name in OPTIONS},
        "picked": OPTIONS[asked.order[place]],
        "picked_place": place,
        "high": OPTIONS[asked.order[place]].startswith("high"),
    }
