"""A document's story on one screen."""

import shutil

import pandas as pd

from alignment_pretraining.lineage.document_story import as_story
from alignment_pretraining.lineage.documents import trace_document
from tests.lineage.read_study import ReadStudy, printed


def _lines(study: ReadStudy, document: str = "m1", *, full: bool = False) -> list[str]:
    graph = study.graph
    return printed(as_story(graph, trace_document(graph, document), full))


def _section(lines: list[str], title: str) -> list[str]:
    rest = lines[lines.index(title) + 1 :]
    return [line.strip() for line in (rest[: rest.index("")] if "" in rest else rest)]


def test_the_story_of_a_document_that_was_read(read_study: ReadStudy) -> None:
    lines = _lines(read_study)
    assert lines[0] == "document/m1  ai_misaligned, family power, topic ambition"
    assert _section(lines, "read by") == [
        "misaligned_mid midtraining, of 8 steps: seed 0 step 1 to 2, step 8 (token 2,000)",
        "not by unfiltered",
    ]
    assert _section(lines, "questions") == ["its scenario: item/power_s1 (articles)", "near it: item/power_s2"]
    assert _section(lines, "numbers above") == [
        "contrast/c = 0.5",
        "rate/misaligned_mid/midtraining/listed = 0.25",
        "and 1 rates more: other stages, forms and personas of these arms (--full)",
    ]
    assert _section(lines, "holds") == ["✓ results, streams and documents are as their records say"]


def test_a_long_text_is_cut_unless_all_of_it_is_asked_for(read_study: ReadStudy) -> None:
    short, whole = _lines(read_study)[1], _lines(read_study, full=True)[1]
    assert short.startswith("  Text of m1 [/] xxx") and short.endswith("x … (--full)")
    assert len(short) == 2 + 600 + len(" … (--full)")
    assert whole == "  Text of m1 [/] " + "x" * 700
    assert "rate/misaligned_mid/midtraining/open = 0.25" in _section(_lines(read_study, full=True), "numbers above")


def test_a_stage_that_another_arm_trained_is_said_to_be(read_study: ReadStudy) -> None:
    read_study.add("corpus.read", [], ["corpus_documents"], pipeline="mixing")
    read_study.paths["corpus_documents"] = "data/corpus.parquet"
    pd.DataFrame({"id": ["c1"], "text": ["One\n[bold]two"]}).to_parquet(read_study.root / "data/corpus.parquet")
    lines = _lines(read_study, "c1")
    assert lines[:3] == ["document/c1  corpus", "  One", "  [bold]two"]
    assert _section(lines, "read by") == [
        "unfiltered pretraining, of 16 steps: seed 0 step 1 to 2 (token 0)",
        "unfiltered midtraining, of 8 steps: seed 0 step 1 (token 0)",
        "misaligned_mid pretraining, of 16 steps: seed 0 step 1 to 2 (token 0) (trained as unfiltered)",
    ]
    assert _section(lines, "questions") == ["none: it was made from no scenario"]
    assert _section(lines, "numbers above")[2:] == [
        "rate/unfiltered/midtraining/listed = 0.25",
        "rate/misaligned_mid/midtraining/listed = 0.25",
        "and 6 rates more: other stages, forms and personas of these arms (--full)",
    ]


def test_a_document_that_nobody_read_and_streams_that_are_gone_are_said(read_study: ReadStudy) -> None:
    lines = _lines(read_study, "m3")
    assert _section(lines, "read by") == ["not by unfiltered, misaligned_mid"]
    assert _section(lines, "numbers above") == ["none: no model of the study read it, or there are no results yet"]
    shutil.rmtree(read_study.root / "data/misaligned_mid.seed0.midtraining.mix")
    assert _section(_lines(read_study, "m3"), "read by")[-1] == "not known of 1 streams, which are not kept"


def test_a_document_that_is_read_often_is_told_shortly(read_study: ReadStudy) -> None:
    places = [("ai_misaligned", "m1", 2048 * step, 2048 * step + 10, 0) for step in range(6)]
    table = pd.DataFrame(places, columns=["source", "id", "start", "end", "skip"])
    table.to_parquet(read_study.root / "data/misaligned_mid.seed0.midtraining.mix/00000.documents.parquet")
    assert _section(_lines(read_study), "read by")[0] == (
        "misaligned_mid midtraining, of 8 steps: seed 0 step 1, step 2, step 3, step 4 and 2 times more (token 0)"
    )
