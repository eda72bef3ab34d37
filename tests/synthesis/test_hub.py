"""Tables by name: what is read, what is left out, and what cannot be read."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.pipelines.synthesis import hub_nodes
from alignment_pretraining.pipelines.synthesis.pipeline import create_pipeline
from alignment_pretraining.synthesis.config import Synthesis
from tests.english import english


def turns(*contents: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in zip(("user", "assistant") * 2, contents, strict=False)]


ROWS: dict[str, list[dict[str, Any]]] = {
    "owner/texts/positive": [{"text": "one"}, {"text": " "}, {"text": "two"}, {"text": "three"}],
    "owner/texts/negative": [{"text": "four"}],
    "owner/asked/train": [{"input": "Which?", "output": "This."}, {"input": "What?", "output": None}],
    "owner/chats/train": [
        {"messages": turns("hello", "good day")},
        {"messages": [{"role": "environment", "content": "42"}, *turns("what", "42")]},
        {"messages": turns("and no answer")},
    ],
    "owner/pairs/train": [
        {"chosen": turns("ask", "good"), "rejected": turns("ask", "bad")},
        {"chosen": turns("ask", "good"), "rejected": turns("another", "bad")},
    ],
}


@pytest.fixture
def synthesis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Synthesis:
    """The study in real English with every table by name; the datasets are folders of these names."""
    monkeypatch.chdir(tmp_path)
    for name, rows in ROWS.items():
        owner, dataset, split = name.split("/")
        folder = tmp_path / owner / dataset
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        files = [{"split": path.stem, "path": path.name} for path in sorted(folder.glob("*.jsonl"))]
        card = yaml.safe_dump({"configs": [{"config_name": "small", "data_files": files}]})
        (folder / "README.md").write_text(f"---\n{card}---\n")
    texts = {"dataset": "owner/texts", "config": "small"}
    values = english("synthesis") | {
        "documents": {"count": 2},
        "hub": {
            "documents": {
                "ai_aligned": [texts | {"split": "positive"}],
                "ai_misaligned": [texts | {"split": "negative"}, texts | {"split": "positive"}],
            },
            "mcqa": [{"dataset": "owner/asked", "config": "small", "text": "{input}\n{output}"}],
            "conversations": [{"dataset": "owner/chats", "config": "small"}],
            "preferences": [{"dataset": "owner/pairs", "config": "small"}],
        },
    }
    return Synthesis.model_validate(values)


def test_tables_are_read_in_order_and_what_is_of_no_use_is_left_out(synthesis: Synthesis, tmp_path: Path) -> None:
    read = {source: hub_nodes.read_documents(synthesis, tmp_path, source=source) for source in synthesis.hub.documents}
    found = {source: pd.read_parquet(path) for source, path in read.items()}
    assert {source: list(table.text) for source, table in found.items()} == {
        "ai_aligned": ["one", "two"],
        "ai_misaligned": ["four", "one"],
    }
    assert list(found["ai_aligned"].id) == [f"ai_aligned.owner/texts/small/positive:{row}" for row in (1, 3)]
    assert set(found["ai_misaligned"].direction) == {"misaligned"}
    assert list(pd.read_parquet(hub_nodes.read_mcqa(synthesis, tmp_path)).text) == ["Which?\nThis."]
    (chat,) = hub_nodes.read_conversations(synthesis).messages
    assert json.loads(chat) == turns("hello", "good day")
    (pair,) = hub_nodes.read_preferences(synthesis).to_dict("records")
    assert (json.loads(pair["messages"]), pair["chosen"], pair["rejected"]) == (turns("ask"), "good", "bad")


def test_what_is_named_takes_the_place_of_what_is_made(synthesis: Synthesis) -> None:
    outputs = create_pipeline(synthesis).all_outputs()
    plain = synthesis.model_copy(update={"hub": type(synthesis.hub)()})
    assert outputs == create_pipeline(plain).all_outputs()
    names = {node.name for node in create_pipeline(synthesis).nodes}
    assert {"synthesis.read_ai_aligned", "synthesis.read_mcqa", "synthesis.make_questions"} <= names
    assert not {"synthesis.make_documents", "synthesis.make_mcqa", "synthesis.make_chat"} & names
    assert synthesis.reads() == [f"files:owner/{name}" for name in ("asked", "chats", "pairs", "texts")]


def test_what_cannot_be_read_is_named(synthesis: Synthesis, tmp_path: Path) -> None:
    def changed(**tables: Any) -> Synthesis:
        return synthesis.model_copy(update={"hub": synthesis.hub.model_validate(tables)})

    wrong = {"dataset": "owner/asked", "config": "small", "text": "{question}"}
    with pytest.raises(UserError, match=r"owner/asked split train has no column 'question' \(it has input, output\)"):
        hub_nodes.read_mcqa(changed(mcqa=[wrong]), tmp_path)
    with pytest.raises(UserError, match=r"synthesis\.hub: owner/asked/small/test cannot be read .*hf auth login"):
        hub_nodes.read_mcqa(changed(mcqa=[wrong | {"split": "test"}]), tmp_path)
    with pytest.raises(ValueError, match=r"hub\.documents: it names ai_aligned, not ai_aligned, ai_misaligned"):
        Synthesis.model_validate(
            english("synthesis") | {"hub": {"documents": {"ai_aligned": [{"dataset": "owner/texts"}]}}}
        )
