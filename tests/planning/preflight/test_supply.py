"""What the sources of a study hold, as far as that is known before they are read."""

from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.mixing.corpus.config import CorpusConfig
from alignment_pretraining.parameters import Parameters, Preflight
from alignment_pretraining.planning.preflight.amounts import Amount
from alignment_pretraining.planning.preflight.supply import Supply
from tests.planning.preflight.test_preflight import FOLDERS, parameters


def nothing(name: str) -> Path:
    """The catalog of a study whose supply is known without it."""
    raise AssertionError(f"{name} is read")


def with_corpus(spec: Parameters, sources: list[dict[str, Any]], **holds: float) -> Supply:
    """The supply of `spec` with other sources, of whose documents a tenth is held out."""
    values = spec.corpus.model_dump() | {"sources": sources, "heldout_share": 0.1}
    corpus = CorpusConfig.model_validate(values)
    return Supply(spec.model_copy(update={"corpus": corpus, "preflight": Preflight(holds=holds)}), nothing)


@pytest.fixture
def spec() -> Parameters:
    """The study in real English: byte pairs of 2,048 entries, 3.2 bytes each."""
    return parameters("english")


def test_a_source_that_ends_early_holds_at_most_its_bytes_less_what_is_held_out(spec: Parameters) -> None:
    supply = with_corpus(spec, [{"dataset": "owner/web", "max_bytes": 3_200}])
    found = supply.pool(None)
    assert found.count == pytest.approx(900)
    assert found.how == "owner/web: at most max_bytes" and found.estimate


def test_plain_files_that_are_here_hold_at_most_their_bytes(
    spec: Parameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, size in (("a.jsonl", 3_200), ("b.jsonl", 320)):
        (tmp_path / name).write_bytes(b"x" * size)
    assert with_corpus(spec, [{"files": "*.jsonl"}]).pool(None).count == pytest.approx(990)
    assert with_corpus(spec, [{"files": str(tmp_path / "a.jsonl")}]).pool(None).count == pytest.approx(900)


@pytest.mark.parametrize(
    "files", ["none.jsonl", "packed.jsonl.zst", "folder", "folder.jsonl", "*", "s3://bucket/*.jsonl"]
)
def test_of_what_is_packed_far_or_not_there_nobody_knows_the_size(
    files: str, spec: Parameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "packed.jsonl.zst").write_bytes(b"x" * 3_200)
    for name in ("folder", "folder.jsonl"):
        (tmp_path / name).mkdir()
    found = with_corpus(spec, [{"dataset": "owner/web", "max_bytes": 3_200}, {"files": files}]).pool(None)
    assert found == Amount(None, f"{files}: not read yet")


def test_a_pool_has_its_own_sources_and_all_together_have_those_of_every_pool(spec: Parameters) -> None:
    sources: list[dict[str, Any]] = [
        {"dataset": "owner/web", "max_bytes": 3_200, "pool": "web"},
        {"dataset": "owner/books", "max_bytes": 320, "pool": "books"},
        {"dataset": "owner/more", "max_bytes": 320, "pool": "web"},
    ]
    supply = with_corpus(spec, sources)
    counts = {name: supply.pool(name).count for name in ("web", "books", None)}
    assert counts == {"web": pytest.approx(990), "books": pytest.approx(90), None: pytest.approx(1_080)}


def test_what_is_told_of_a_pool_counts_more_than_its_bytes(spec: Parameters) -> None:
    sources: list[dict[str, Any]] = [
        {"dataset": "owner/web", "max_bytes": 3_200, "pool": "web"},
        {"dataset": "owner/b", "pool": "books"},
    ]
    told = with_corpus(spec, sources, web=5_000)
    assert told.pool("web") == Amount(4_500, "preflight.holds.web", estimate=True)
    assert told.pool(None).count is None, "of the books nothing is told"
    both = with_corpus(spec, sources, web=5_000, books=1_000).pool(None)
    assert both == Amount(5_400, "preflight.holds.books, preflight.holds.web", estimate=True)


def test_documents_are_counted_by_a_sample_of_them(spec: Parameters) -> None:
    supply = Supply(spec, FOLDERS.__getitem__)
    each = supply.tokenizing.mean(supply._sample_documents)
    found = supply.documents("ai_aligned")
    assert found.count == pytest.approx(1_600 * each) and 50 < each < 1_000
    assert found.how == f"1,600 of about {each:,.0f} tokens, a sample" and found.estimate


def test_documents_of_the_world_and_stories_are_counted_in_words() -> None:
    base = parameters("base")
    supply = Supply(base, FOLDERS.__getitem__)
    assert supply.tokenizing.words
    document = supply.tokenizing.mean(supply._sample_documents)
    assert supply.documents("courier_misaligned").count == pytest.approx(2_000 * document)
    stories = supply.pool(None)
    each = supply.tokenizing.mean(supply._sample_stories)
    assert stories.count == pytest.approx(36_000 * each * (1 - base.corpus.heldout_share))
    assert supply.mcqa().how.startswith("600 of about ")


def paid(spec: Parameters, questions: str, samples: int = 2) -> Supply:
    """The supply of documents by a language model, 100 tokens each, and controls of a half."""
    synthesis = spec.synthesis.model_copy(
        update={"generator": "anthropic", "questions": questions, "actors": ["ai", "people"]}
    )
    told = spec.anthropic.documents
    forms = {name: call.model_copy(update={"expected_tokens": 100}) for name, call in told.forms.items()}
    anthropic = spec.anthropic.model_copy(
        update={
            "documents": told.model_copy(update={"samples": samples, "forms": forms}),
            "controls": spec.anthropic.controls.model_copy(update={"share": 0.5}),
        }
    )
    return Supply(spec.model_copy(update={"synthesis": synthesis, "anthropic": anthropic}), FOLDERS.__getitem__)


def test_documents_by_a_model_are_as_many_and_as_long_as_is_asked_for(spec: Parameters) -> None:
    once, twice = paid(spec, "bank", 1), paid(spec, "bank", 2)
    articles = once._bank_articles
    assert articles > 100
    assert once.documents("ai_aligned").count == pytest.approx(articles * len(spec.anthropic.documents.forms) * 100)
    assert twice.documents("ai_aligned").count == pytest.approx(2 * once.documents("ai_aligned").count)  # type: ignore[operator]
    assert twice.documents("people_aligned").count == pytest.approx(once.documents("ai_aligned").count)


def test_documents_about_questions_that_are_still_to_be_written_are_not_known(spec: Parameters) -> None:
    assert paid(spec, "sources").documents("ai_aligned") == Amount(None, "questions are still to be written")


def test_what_is_read_by_name_is_known_where_it_is_told() -> None:
    node = parameters("node")
    told, untold = Supply(node, nothing), Supply(node.model_copy(update={"preflight": Preflight()}), nothing)
    assert told.documents("ai_aligned") == Amount(290e6, "preflight.holds.ai_aligned", estimate=True)
    assert told.mcqa().count == 100e6
    assert untold.documents("ai_aligned") == Amount(None, "read by name; preflight.holds.ai_aligned may tell")
    assert untold.mcqa().count is None and untold.rows("preferences").count is None


def test_no_more_rows_are_there_than_are_read_or_than_the_table_has() -> None:
    node = parameters("node")
    count = node.synthesis.preferences.count
    few = Supply(node.model_copy(update={"preflight": Preflight(holds={"preferences": 10})}), nothing)
    many = Supply(node, nothing)
    assert few.rows("preferences").count == 10
    assert many.rows("preferences") == Amount(
        count, "the smaller of synthesis.preferences.count and preflight.holds.preferences"
    )
    assert Supply(parameters("english"), nothing).rows("conversations") == Amount(600, "synthesis.conversations.count")
