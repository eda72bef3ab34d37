"""What nodes read that is in no dataset: named from the parameters, and hashed."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.lineage.outside import is_remote, outside_digest, outside_inputs, outside_path


def corpus(*sources: dict[str, Any]) -> dict[str, Any]:
    shares = {"natural_discourse_share": 0.0, "heldout_share": 0.1}
    return {"corpus": {"seed": 0, "repeat": False, "sources": list(sources), **shares}}


def test_sources_of_the_corpus_are_inputs_of_who_reads_the_corpus() -> None:
    params = corpus(
        {"files": "data/01_raw/mine/*.jsonl"},
        {"packages": {"scipy": None}},
        {"dataset": "someone/texts", "revision": "v1"},
        {"stories": True},
    )
    expected = ["dataset:someone/texts@v1", "files:data/01_raw/mine/*.jsonl", "package:scipy"]
    assert outside_inputs(["params:corpus", "natural_discourse"], params) == expected
    assert outside_inputs(["params:corpus.repeat", "tokens"], params) == []


@given(at=st.integers(0, 199), bit=st.integers(0, 7))
def test_any_flipped_bit_of_any_matching_file_shows(
    at: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("corpus")
    files = [root / "mine/a.jsonl", root / "mine/b.jsonl"]
    (root / "mine").mkdir()
    for file in files:
        file.write_bytes(bytes(range(100)))
    before = outside_digest("files:mine/*.jsonl", root)
    content = bytearray(files[at // 100].read_bytes())
    content[at % 100] ^= 1 << bit
    files[at // 100].write_bytes(content)
    assert outside_digest("files:mine/*.jsonl", root) != before


def test_files_that_come_go_or_are_renamed_show(tmp_path: Path) -> None:
    name = "files:mine/**/*.jsonl"
    (tmp_path / "mine/deep").mkdir(parents=True)
    assert outside_digest(name, tmp_path) is None
    seen = set()
    (tmp_path / "mine/deep/a.jsonl").write_text("a")
    seen.add(outside_digest(name, tmp_path))
    (tmp_path / "mine/deep/b.jsonl").write_text("b")
    seen.add(outside_digest(name, tmp_path))
    (tmp_path / "mine/deep/b.jsonl").rename(tmp_path / "mine/deep/c.jsonl")
    seen.add(outside_digest(name, tmp_path))
    assert len(seen) == 3 and None not in seen
    (tmp_path / "mine/other.txt").write_text("no file of the corpus")
    assert outside_digest(name, tmp_path) in seen


def test_places_on_disk_start_above_the_first_wildcard(tmp_path: Path) -> None:
    assert outside_path("files:mine/part-*/x.jsonl", tmp_path) == tmp_path / "mine"
    assert outside_path("files:mine/x.jsonl", tmp_path) == tmp_path / "mine/x.jsonl"
    assert outside_path("files:/elsewhere/x.jsonl", tmp_path) == Path("/elsewhere/x.jsonl")
    assert outside_path("package:scipy", tmp_path) is None
    assert outside_path("files:s3://bucket/x.jsonl", tmp_path) is None
    assert is_remote("files:s3://bucket/x.jsonl") and is_remote("dataset:someone/texts@main")
    assert not is_remote("files:mine/x.jsonl")


def test_packages_are_their_versions(tmp_path: Path) -> None:
    import scipy

    assert outside_digest("package:scipy", tmp_path) == scipy.__version__
    assert outside_digest("package:no-such-package", tmp_path) is None


def test_files_by_url(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("a")
    name = f"files:file://{tmp_path}/*.jsonl"
    before = outside_digest(name, tmp_path)
    (tmp_path / "a.jsonl").write_text("abc")
    assert before is not None and outside_digest(name, tmp_path) not in (before, None)
    assert outside_digest("files:http://127.0.0.1:1/x.jsonl", tmp_path) is None  # nobody answers there


def test_a_checkpoint_from_elsewhere_is_its_files_or_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    commit = "89" * 20
    checkpoints = {"far": {"hub": "someone/model", "revision": "main"}, "near": {"folder": "mine"}}
    columns = {"aligned_option": "a", "misaligned_option": "b"}
    suites = {"theirs": {"hub": "someone/suite", "revision": commit, "columns": columns, "splits": {"all": "train"}}}
    params = {"study": {"checkpoints": checkpoints}, "suite_sources": suites}
    assert outside_inputs(["params:study.checkpoints.far", "suite"], params) == ["model:someone/model@main"]
    assert outside_inputs(["params:study.checkpoints.near"], params) == ["files:mine"]
    assert outside_inputs(["params:suite_sources"], params) == [f"dataset:someone/suite@{commit}"]
    assert outside_digest(f"dataset:someone/suite@{commit}", tmp_path) == commit
    assert outside_digest("model:someone/model@main", tmp_path) is None
    reference = tmp_path / "hub/models--someone--model/refs/main"
    reference.parent.mkdir(parents=True)
    reference.write_text(commit)
    assert outside_digest("model:someone/model@main", tmp_path) == commit
    assert is_remote("model:someone/model@main")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/model.safetensors").write_bytes(b"1")
    before = outside_digest("files:mine", tmp_path)
    (tmp_path / "mine/model.safetensors").write_bytes(b"2")
    assert before != outside_digest("files:mine", tmp_path)


def test_a_pattern_is_an_input_whose_place_is_a_whole_folder(tmp_path: Path) -> None:
    for name, place in (("files:*.txt", ""), ("files:a/[bc]/x?.txt", "a"), ("files:a/b/*", "a/b"), ("files:?", "")):
        assert outside_path(name, tmp_path) == tmp_path / place, name


def test_what_matches_nothing_or_only_folders_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "mine/part-1").mkdir(parents=True)
    assert outside_digest("files:mine/part-*", tmp_path) is None
    assert outside_digest("files:none.txt", tmp_path) is None
    assert outside_digest("files:mine", tmp_path) is not None, "a folder that is named is one"


def test_a_file_has_the_same_hash_wherever_the_project_lies(tmp_path: Path) -> None:
    found = set()
    for root in (tmp_path / "one", tmp_path / "two"):
        (root / "mine").mkdir(parents=True)
        (root / "mine/a.txt").write_text("a")
        found.add((outside_digest("files:mine/*.txt", root), outside_digest("files:mine/a.txt", root)))
    assert len(found) == 1


def test_parameters_without_outside_inputs_or_that_are_not_there_have_none() -> None:
    assert outside_inputs([], {}) == []
    assert outside_inputs(["params:corpus", "params:study.checkpoints.x", "params:no.such.key", "parameters"], {}) == []
    assert outside_inputs(["params:streams"], {"streams": "written"}) == []
