"""The hub without a network: what its cache has is used, and what it has not is told with the way out."""

from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hub import Holding, commit, fetch, held

COMMIT = "89" * 20


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, which has `someone/model` at its branch `main`."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    folder = tmp_path / "models--someone--model"
    for name, text in (("config.json", "{}"), ("deep/weights.bin", "12345"), ("notes.txt", "1")):
        (folder / "snapshots" / COMMIT / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "snapshots" / COMMIT / name).write_text(text)
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text(COMMIT)
    return tmp_path


@pytest.mark.parametrize("revision", ["main", COMMIT])
def test_what_the_cache_has_needs_no_network(cache: Path, revision: str) -> None:
    folder = fetch("someone/model", revision, "model", ["*.json", "*.bin"])
    assert (folder / "deep/weights.bin").read_text() == "12345"
    assert commit("someone/model", revision, "model") == COMMIT


def test_what_is_not_here_is_told_with_the_command_that_brings_it(cache: Path) -> None:
    with pytest.raises(UserError) as error:
        fetch("someone/texts", "v1", "dataset", ["*"])
    said = str(error.value)
    assert said.startswith(
        f"dataset someone/texts@v1 is not in the hub's cache ({cache}), and the hub cannot be reached"
    )
    assert said.endswith("connect, or copy it there: hf download someone/texts --repo-type dataset --revision v1")


@pytest.mark.parametrize("name", ["a/b/c", "../etc", "someone/a..b", "models/x y"])
def test_what_is_no_name_is_told_so(cache: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"is no name on the hub .*; a folder is given as `folder`"):
        fetch(name, "main", "model", ["*"])


def test_a_revision_that_nobody_remembers_has_no_commit(cache: Path) -> None:
    assert commit("someone/model", "v2", "model") is None
    assert commit("someone/model", "main", "dataset") is None
    assert commit("nobody/knows", COMMIT, "model") == COMMIT, "a commit is its own"
    assert commit("someone/model", COMMIT[:10], "model") is None


def test_what_is_held_is_what_matches(cache: Path) -> None:
    assert held("someone/model", "main", "model", ["*.json", "*.bin"]) == Holding(7, 7, COMMIT)
    assert held("someone/model", "v2", "model", ["*"]) is None
    assert held("someone/model", "ab" * 20, "model", ["*"]) is None
