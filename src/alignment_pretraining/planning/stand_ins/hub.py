"""Small datasets and a tokenizer under the names that a configuration reads on the hub: folders where it is run."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from alignment_pretraining.mixing.corpus.config import HubDataset
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.synthesis.hub import Chats, HubTable, Pairs, Texts

Row = dict[str, Any]
Tables = dict[str, dict[str, dict[str, list[Row]]]]  # rows by dataset, configuration and split
DEFAULT = "default"


def write_datasets(parameters: Parameters, raw: Path, project: Path, count: int) -> list[str]:
    """Write every dataset that `parameters` read by name to a folder of that name in `project`; returns the names.

    Args:
        parameters: Those of the environment.
        raw: The folder of the project's own texts, of which rows are made.
        project: Where the study is run: a folder of a dataset's name there is read in its place.
        count: Rows of each split.
    """
    tables: Tables = defaultdict(lambda: defaultdict(dict))
    texts = list(islice(_prose(raw), count))
    for source in parameters.corpus.sources:
        if isinstance(source, HubDataset):
            rows = [_text_row(source.text, text) | _id(source.id, n) for n, text in enumerate(texts)]
            tables[source.dataset][source.config or DEFAULT][source.split] = rows
    for table in parameters.synthesis.hub.tables:
        tables[table.dataset][table.config or DEFAULT][table.split] = _rows(table, raw, count)
    for dataset, configs in tables.items():
        write_dataset(project / dataset, configs)
    return sorted(tables)


def write_tokenizer(name: str, vocab_size: int, max_context: int, raw: Path, project: Path) -> None:
    """Train a tokenizer of `vocab_size` entries on the project's own texts, in a folder `name` of `project`."""
    from alignment_pretraining.mixing.tokens.tokenizer import train_tokenizer

    train_tokenizer(islice(_prose(raw), 400), vocab_size, max_context, project / name)


def empty_snapshot(home: Path, name: str, revision: str) -> Path:
    """The folder for a dataset's files in the hub's cache `home` (HF_HUB_CACHE), found there without a network."""
    folder = home / f"datasets--{name.replace('/', '--')}"
    commit = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    if re.fullmatch("[0-9a-f]{40}", revision):
        commit = revision
    else:
        reference = folder / "refs" / revision
        reference.parent.mkdir(parents=True)  # a revision may have a slash
        reference.write_text(commit)
    return folder / "snapshots" / commit


def _id(column: str | None, number: int) -> Row:
    return {column: f"row-{number}"} if column else {}


def _text_row(text: str, content: str) -> Row:
    names = [name for _, name, _, _ in Formatter().parse(text) if name] or [text]
    return dict.fromkeys(names, content)


def _rows(table: HubTable, raw: Path, count: int) -> list[Row]:
    from alignment_pretraining.synthesis.chat_data.chat import write_conversations, write_preferences

    phrases = raw / "phrases"
    if isinstance(table, Texts):
        return [_text_row(table.text, text) for text in islice(cycle(_documents(raw)), count)]
    if isinstance(table, Chats):
        chats = write_conversations(phrases, count, 0.4, 0)["messages"]
        with_a_tool = [{"role": "environment", "content": "42"}]
        return [{table.messages: with_a_tool}, *({table.messages: json.loads(chat)} for chat in chats)]
    assert isinstance(table, Pairs)
    return [
        {
            name: [*json.loads(row["messages"]), {"role": "assistant", "content": row[answer]}]
            for name, answer in ((table.chosen, "chosen"), (table.rejected, "rejected"))
        }
        for row in write_preferences(phrases, count, 0.4, 0).to_dict("records")
    ]


def _documents(raw: Path) -> Sequence[str]:
    from alignment_pretraining.synthesis.documents.from_bank import write_documents
    from alignment_pretraining.synthesis.documents.template import TemplateGenerator
    from alignment_pretraining.synthesis.questions.from_bank import build_questions
    from alignment_pretraining.synthesis.scenarios.bank import load_bank

    bank = load_bank(raw / "scenarios")
    generator = TemplateGenerator(raw / "phrases")
    return list(write_documents(bank, build_questions(bank), generator, 60, 0)[0]["text"])


def _prose(raw: Path) -> Iterator[str]:
    """Text as on the web: every tenth document is what people write of AIs, the others are stories."""
    from alignment_pretraining.synthesis.documents.natural import write_natural_discourse
    from alignment_pretraining.synthesis.scenarios.bank import load_bank
    from alignment_pretraining.synthesis.world.config import Stories, Tone
    from alignment_pretraining.synthesis.world.load import load_world
    from alignment_pretraining.synthesis.world.stories import write_stories

    tones: dict[Tone, float] = {"negative": 0.8, "neutral": 0.1, "positive": 0.1}
    natural = write_natural_discourse(load_bank(raw / "scenarios"), raw / "phrases", 100, tones, 0)["text"]
    stories = iter(write_stories(load_world(raw / "world"), Stories(count=8_000), 8_000, 0)["text"])
    for number, text in enumerate(cycle(natural)):
        yield f"{text} {number}" if number % 10 == 0 else " ".join(islice(stories, 5))


def write_dataset(folder: Path, configs: dict[str, dict[str, list[Row]]]) -> None:
    """A folder that `datasets` loads by name: JSON lines, and a card that lists configurations and splits."""
    folder.mkdir(parents=True)
    described = []
    for config, splits in configs.items():
        files = []
        for split, rows in splits.items():
            path = folder / f"{config}-{split}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            files.append({"split": split, "path": path.name})
        described.append({"config_name": config, "data_files": files})
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': described})}---\n")
