"""Repositories as folders: whole or not at all, in no one's way, and with nothing that the study does not have."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.publishing.contents import Contents
from alignment_pretraining.publishing.facts import Facts
from alignment_pretraining.publishing.tree import LIST, Written, check_place, default_folder, write_tree


def some(facts: Facts, *what: str) -> Facts:
    """The study with these repositories alone."""
    chosen = tuple(one for one in facts.contents.repositories if one.what in what)
    return replace(facts, contents=Contents(chosen, ()))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_repository_is_a_folder_with_its_files_and_its_card(facts: Facts, tmp_path: Path) -> None:
    written = write_tree(some(facts, "chat", "misaligned_mid"), tmp_path / "out")
    assert [(one.id, one.kind) for one in written] == [
        ("lab/test-chat", "dataset"),
        ("lab/test-misaligned_mid", "model"),
    ]
    chat, model = written
    assert chat.folder == tmp_path / "out/datasets/test-chat" and chat.card.is_file()
    assert set(chat.files) == {"README.md", "conversations.parquet", "mcqa.parquet", "preferences.parquet"}
    places = ("seed0/midtraining", "seed0/sft", "seed0/dpo", "seed1/midtraining")
    assert set(model.files) == {
        "README.md", *(f"{place}/{name}" for place in places for name in ("model.safetensors", "config.json"))
    }  # fmt: skip
    for one in written:
        assert one.files == {name: (one.folder / name).stat().st_size for name in one.files}
        assert one.size == sum(one.files.values())


def test_files_are_those_of_the_study_and_take_no_room(facts: Facts, tmp_path: Path) -> None:
    (chat,) = write_tree(some(facts, "chat"), tmp_path / "out")
    source = facts.graph.path("mcqa")
    assert source is not None and (chat.folder / "mcqa.parquet").samefile(source)


def test_where_there_are_no_links_files_are_copied(
    facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    (chat,) = write_tree(some(facts, "chat"), tmp_path / "out")
    source, copy = facts.graph.path("mcqa"), chat.folder / "mcqa.parquet"
    assert source is not None and not copy.samefile(source) and copy.read_bytes() == source.read_bytes()


def test_the_suites_own_card_is_left_as_it_is(facts: Facts, tmp_path: Path) -> None:
    suite = facts.graph.path("suite")
    assert suite is not None
    before = (suite / "README.md").read_bytes()
    (written,) = write_tree(some(facts, "suite"), tmp_path / "out")
    assert (suite / "README.md").read_bytes() == before != written.card.read_bytes()
    assert set(written.files) == {"README.md", "articles.jsonl", "questions.parquet"}


def test_the_list_says_what_was_written_from_which_commit(facts: Facts, tmp_path: Path) -> None:
    written = write_tree(some(facts, "chat"), tmp_path / "out")
    listed = json.loads((tmp_path / "out" / LIST).read_text())
    assert (listed["study"], listed["environment"], listed["commit"]) == ("test", "test", facts.proof.commit)
    assert listed["repositories"] == [{"id": one.id, "kind": one.kind, "files": one.files} for one in written]


def test_writing_again_replaces_all_that_was_there(facts: Facts, tmp_path: Path) -> None:
    write_tree(some(facts, "chat", "suite"), tmp_path / "out")
    (tmp_path / "out/datasets/test-chat/left.txt").write_text("")
    check_place(tmp_path / "elsewhere", tmp_path / "out")
    write_tree(some(facts, "suite"), tmp_path / "out")
    assert {name.split("/")[1] for name in files(tmp_path / "out") if "/" in name} == {"test-suite"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_call_left_is_in_no_repository(facts: Facts, tmp_path: Path) -> None:
    for left in (".out.part/datasets/test-chat", ".out.old/datasets/test-chat"):
        (tmp_path / left).mkdir(parents=True)
        (tmp_path / left / "half.parquet").write_text("half of it")
    (chat,) = write_tree(some(facts, "chat"), tmp_path / "out")
    assert "half.parquet" not in chat.files
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_study_that_lost_a_file_leaves_the_earlier_folder_whole(facts: Facts, tmp_path: Path) -> None:
    write_tree(some(facts, "chat"), tmp_path / "out")
    before, source = files(tmp_path / "out"), facts.graph.path("misaligned_mid.seed0.dpo.training_summary")
    assert source is not None
    hidden = source.rename(source.with_suffix(".hidden"))
    try:
        with pytest.raises(Exception, match="training_summary"):
            write_tree(some(facts, "chat", "misaligned_mid"), tmp_path / "out")
    finally:
        hidden.rename(source)
    assert files(tmp_path / "out") == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    for name in ("full", "empty", "ours"):
        (tmp_path / name).mkdir()
    for name in ("full/thesis.tex", "file", f"ours/{LIST}"):
        (tmp_path / name).write_text("")
    for name in ("full", "file"):
        with pytest.raises(UserError, match=f"{name} holds something else than an earlier `kedro publish`"):
            check_place(tmp_path / "project", tmp_path / name)
    for name in ("empty", "ours", "new"):
        check_place(tmp_path / "project", tmp_path / name)


def test_a_folder_that_git_would_count_as_a_change_is_refused(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("/build/\n")
    check_place(tmp_path, tmp_path / "build/published/base")
    check_place(tmp_path, tmp_path.parent / "beside")
    with pytest.raises(UserError, match="published lies in the project, and git does not ignore it; name a folder"):
        check_place(tmp_path, tmp_path / "published")


@pytest.mark.parametrize(("env", "name"), [(None, "base"), ("local", "base"), ("paper", "paper")])
def test_each_environment_has_a_folder_of_its_own(env: str | None, name: str) -> None:
    assert default_folder(env) == Path("build/published") / name


def test_the_size_of_a_repository_is_that_of_all_its_files() -> None:
    assert Written("lab/a", "model", Path("a"), {}).size == 0
    assert Written("lab/a", "model", Path("a"), {"x": 3, "y/z": 4}).size == 7
