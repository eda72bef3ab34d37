"""What a corpus may be configured as, and what its sources are called."""

from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.mixing.config import TokenizerConfig
from alignment_pretraining.mixing.corpus.config import CorpusConfig, StoriesFile, with_stories

CORPUS: dict[str, Any] = {"seed": 0, "natural_discourse_share": 0, "heldout_share": 0, "repeat": False}


def _corpus(*sources: Any, **values: Any) -> CorpusConfig:
    return parse(CorpusConfig, CORPUS | {"sources": list(sources)} | values, "parameters_mixing.yml", "corpus")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"repeat": True}, "corpus.repeat: false, to read a document once; or how often"),
        ({"repeat": 1}, "corpus.repeat: false, to read a document once; or how often"),
        ({"repeat": 2.5}, "corpus.repeat"),
        ({"repeat": None}, "corpus.repeat"),
        ({"heldout_share": 1}, "corpus.heldout_share"),
        ({"natural_discourse_share": -0.1}, "corpus.natural_discourse_share"),
        ({"part_bytes": 0}, "corpus.part_bytes"),
        ({"max_document_bytes": -1}, "corpus.max_document_bytes"),
        ({"sources": []}, "corpus.sources: List should have at least 1 item"),
        ({"sources": ["mine.jsonl"]}, "corpus.sources.0: a source has one of the keys"),
        ({"sources": [None]}, "corpus.sources.0: a source has one of the keys"),
        ({"sources": [{"packages": {}}]}, "corpus.sources.0.packages.packages"),
        ({"sources": [{"files": "x", "max_bytes": 0}]}, "corpus.sources.0.files.max_bytes"),
        ({"sources": [{"files": "x", "dataset": "y"}]}, "corpus.sources.0.files.dataset: unknown key"),
        ({"sources": [{"stories": False}]}, "corpus.sources.0.stories.stories"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        _corpus({"files": "x"}, **values)
    assert f"  {message}" in str(error.value)


@pytest.mark.parametrize("repeat", [False, 2, 100])
def test_epochs_are_kept_as_they_are_written(repeat: Any) -> None:
    """False stands in the hash of mixes that were made with it."""
    assert _corpus({"files": "x"}, repeat=repeat).repeat is repeat


def test_every_source_says_what_it_reads_outside(tmp_path: Path) -> None:
    sources = [
        {"packages": {"scipy": None, "pandas": "3.1"}},
        {"files": "s3://mine/*.parquet"},
        {"dataset": "someone/web", "config": "en"},
        {"dataset": "someone/web", "revision": "v1"},
        {"dataset": str(tmp_path)},
        {"stories": True},
    ]
    assert _corpus(*sources).reads() == [
        *("package:scipy", "package:pandas", "files:s3://mine/*.parquet"),
        *("dataset:someone/web@main", "dataset:someone/web@v1", f"files:{tmp_path}"),
    ]


def test_stories_are_a_file_of_the_same_pool_and_size_once_they_are_written(tmp_path: Path) -> None:
    config = _corpus({"stories": True, "pool": "small", "max_bytes": 9}, {"files": "x"})
    [stories, other] = with_stories(config, tmp_path / "stories.jsonl").sources
    assert isinstance(stories, StoriesFile) and other == config.sources[1]
    assert stories.files == str(tmp_path / "stories.jsonl") and stories.id == "id"
    assert (stories.pool, stories.max_bytes, stories.label) == ("small", 9, "stories")
    with pytest.raises(UserError, match=r"asks for stories, which synthesis writes when synthesis\.generator is world"):
        with_stories(config, None)
    assert with_stories(_corpus({"files": "x"}), None).sources == [other]


def test_an_existing_tokenizer_is_an_input_by_folder_or_by_name(tmp_path: Path) -> None:
    def reads(**values: Any) -> list[str]:
        return parse(TokenizerConfig, {"max_bytes": 1, **values}, "x.yml").reads()

    assert reads() == reads(kind="words") == []
    assert reads(kind="existing", name=str(tmp_path)) == [f"files:{tmp_path}"]
    assert reads(kind="existing", name="someone/neox") == ["model:someone/neox@main"]
    assert reads(kind="existing", name="someone/neox", revision="v1") == ["model:someone/neox@v1"]
