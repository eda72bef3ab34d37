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
from alignment_pretraining.synthesis.hub import Chats, Pairs, Texts, read_chats, read_pairs, read_texts
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


def written(folder: Path, *rows: Any) -> str:
    """The name of a dataset with these rows."""
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


def test_rows_are_counted_on_over_several_tables_and_are_named_after_theirs(tmp_path: Path) -> None:
    tables = [
        Texts(dataset=written(tmp_path / name, *({"text": f"{name} {row}"} for row in range(3)))) for name in ("a", "b")
    ]
    found = list(read_texts(tables, 5))
    assert [text for _, text in found] == ["a 0", "a 1", "a 2", "b 0", "b 1"]
    assert found[3][0] == f"{tmp_path}/b/train:1"
    assert len(list(read_texts(tables, 100))) == 6
    assert list(read_texts([], 3)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", ["one", "three"]),
        ("{a}", ["one", "three"]),
        ("{a}-{b}", ["one-two"]),
        ("{{{b}}}", ["{two}", "{five}"]),
        ("Q: {a}\n", ["Q: one\n", "Q: three\n"]),
    ],
)
def test_a_text_is_a_column_or_put_together_from_columns(tmp_path: Path, text: str, said: list[str]) -> None:
    """A row without text in one of them is left out; braces in a column are text."""
    rows = [{"a": "one", "b": "two"}, {"a": "three", "b": None}, {"a": None, "b": "five"}]
    table = Texts(dataset=written(tmp_path / "x", *rows), text=text)
    assert [found for _, found in read_texts([table], 9)] == said
    braces = Texts(dataset=written(tmp_path / "y", {"a": "{b}", "b": "{a}"}), text=text)
    assert [found for _, found in read_texts([braces], 9)] == [
        {"a": "{b}", "{a}": "{b}", "{a}-{b}": "{b}-{a}", "{{{b}}}": "{{a}}", "Q: {a}\n": "Q: {b}\n"}[text]
    ]


def test_columns_have_any_names(tmp_path: Path) -> None:
    table = written(tmp_path / "x", {"meta.text": "one", "a[0]": "two", "a": "no"})
    found = [
        text
        for form in ("meta.text", "{meta.text}, {a[0]}")
        for _, text in read_texts([Texts(dataset=table, text=form)], 1)
    ]
    assert found == ["one", "one, two"]


@pytest.mark.parametrize(
    ("messages", "kept"),
    [
        (turns("a", "b"), True),
        ([{"role": "system", "content": "s"}, *turns("a", "b", "c", "d")], True),
        (turns("a"), False),
        (turns("a", ""), False),
        ([*turns("a"), {"role": "assistant", "content": None}], False),
        ([*turns("a"), {"role": "tool", "content": "x"}, {"role": "assistant", "content": "b"}], False),
        ([], False),
        (None, False),
    ],
)
def test_a_conversation_has_text_in_each_turn_and_the_assistant_s_last(
    tmp_path: Path, messages: Any, kept: bool
) -> None:
    table = Chats(dataset=written(tmp_path / "x", {"messages": turns("ask", "answer")}, {"messages": messages}))
    assert [json.loads(found) for _, found in read_chats([table], 9)][1:] == ([messages] if kept else [])


@pytest.mark.parametrize(
    ("chosen", "rejected", "kept"),
    [
        (turns("a", "b"), turns("a", "c"), True),
        (turns("a", "b", "c", "d"), turns("a", "b", "c", "e"), True),
        (turns("a", "b", "c", "d"), turns("a", "x", "c", "e"), False),
        (turns("a", "b"), turns("a", "b", "c", "d"), False),
        (turns("a"), turns("b"), False),
        (turns("a", ""), turns("a", "c"), False),
    ],
)
def test_a_pair_is_equal_up_to_its_last_answers(
    tmp_path: Path, chosen: list[Any], rejected: list[Any], kept: bool
) -> None:
    table = Pairs(dataset=written(tmp_path / "x", {"chosen": chosen, "rejected": rejected}))
    found = [(json.loads(asked), *answers) for _, asked, *answers in read_pairs([table], 9)]
    assert found == ([(chosen[:-1], chosen[-1]["content"], rejected[-1]["content"])] if kept else [])


@pytest.mark.parametrize("odd", ["a text", json.dumps(turns("a", "b")), 3, {"role": "user"}, ["a", "b"]])
def test_a_column_that_holds_no_turns_is_named(tmp_path: Path, odd: Any) -> None:
    told = r"x split train: 'messages' holds no list of turns, each with role and content"
    with pytest.raises(UserError, match=told):
        list(read_chats([Chats(dataset=written(tmp_path / "x", {"messages": odd}))], 9))
    with pytest.raises(UserError, match=r"y split train: 'chosen' holds no list of turns"):
        list(read_pairs([Pairs(dataset=written(tmp_path / "y", {"chosen": odd, "rejected": odd}))], 9))
