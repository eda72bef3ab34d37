"""The way up from a document: who read it, and which numbers rest on those."""

import json
import shutil

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.documents import as_data, trace_document
from tests.lineage.read_study import ReadStudy


def test_a_document_is_followed_to_its_readers_and_the_numbers_above(read_study: ReadStudy) -> None:
    found = trace_document(read_study.graph, "m1")
    assert (found.source, found.id, found.text[:10]) == ("ai_misaligned", "m1", "Text of m1")
    assert found.about == {"question_id": "power_s1", "family": "power", "topic": "ambition"}
    assert found.question is not None and found.question["split"] == "articles"
    assert {(one.arm, one.stage) for one in found.readings.found} == {("misaligned_mid", "midtraining")}
    assert [one.key for one in found.rates] == [
        f"rate/misaligned_mid/midtraining/{form}" for form in ("open", "listed")
    ]
    assert [(one.key, one.value) for one in found.contrasts] == [("contrast/c", 0.5)]
    assert found.drifts == []


def test_a_document_of_the_same_id_in_another_source_is_another(read_study: ReadStudy) -> None:
    stream = read_study.root / "data/unfiltered.seed0.midtraining.mix/00000.documents.parquet"
    columns = ["source", "id", "start", "end", "skip"]
    pd.DataFrame([("corpus", "m1", 0, 10, 0)], columns=columns).to_parquet(stream)
    assert {one.arm for one in trace_document(read_study.graph, "m1").readings.found} == {"misaligned_mid"}


def test_later_stages_rest_on_what_an_earlier_one_read(read_study: ReadStudy) -> None:
    read_study.tables["rates"].loc[:, "stage"] = "dpo"
    found = trace_document(read_study.graph, "m1")
    assert {one.row["arm"] for one in found.rates} == {"misaligned_mid"}


@pytest.mark.parametrize(
    ("document", "near"), [("m1", ["power_s2"]), ("m2", ["power_s1"]), ("m3", ["truth_s1"]), ("a1", ["power_s2"])]
)
def test_questions_near_it_share_its_family_or_else_its_topic(
    read_study: ReadStudy, document: str, near: list[str]
) -> None:
    assert trace_document(read_study.graph, document).near == near


def test_a_document_that_nobody_read_stands_under_no_number(read_study: ReadStudy) -> None:
    found = trace_document(read_study.graph, "m3")
    assert (found.rates, found.contrasts, found.readings.found) == ([], [], [])


def test_an_id_of_several_sources_needs_its_source(read_study: ReadStudy) -> None:
    with pytest.raises(UserError) as error:
        trace_document(read_study.graph, "same")
    assert str(error.value) == (
        "2 documents have the id same; name one with its source:\n  document/ai_aligned/same"
        "\n  document/ai_misaligned/same"
    )
    assert trace_document(read_study.graph, "ai_misaligned/same").source == "ai_misaligned"


def test_an_unknown_document_is_told_with_the_sources_and_the_way_to_ids(read_study: ReadStudy) -> None:
    for wanted in ("none", "ai_aligned/m1", "mcqa/same"):
        with pytest.raises(UserError) as error:
            trace_document(read_study.graph, wanted)
        assert str(error.value) == (
            f"no document {wanted!r} in ai_aligned, ai_misaligned; a stream's ids: kedro inspect ARM STAGE"
        )
    for source in ("ai_aligned", "ai_misaligned"):
        (read_study.root / f"data/documents_{source}.parquet").unlink()
    with pytest.raises(UserError, match=r"^there are no documents yet; make them: dvc repro$"):
        trace_document(read_study.graph, "m1")


def test_a_document_of_the_corpus_is_found_in_its_parts_and_its_place_is_told(read_study: ReadStudy) -> None:
    read_study.add("corpus.read", [], ["corpus_documents"], pipeline="mixing")
    read_study.paths["corpus_documents"] = "data/corpus"
    (read_study.root / "data/corpus").mkdir()
    for name in ("c0", "c1/deep"):
        table = pd.DataFrame({"id": [name], "text": ["A text."], "source": ["mine.jsonl"]})
        table.to_parquet(read_study.root / f"data/corpus/{name[:2]}.parquet")
    found = trace_document(read_study.graph, "c1/deep")
    assert (found.source, found.about) == ("corpus", {"from": "mine.jsonl"})
    assert found.question is None and found.near == []
    assert trace_document(read_study.graph, "corpus/c0").id == "c0"


def test_drift_of_tables_and_streams_shows(read_study: ReadStudy) -> None:
    stream = read_study.root / "data/misaligned_mid.seed0.midtraining.mix"
    (stream / "more").write_text("a")
    assert [one.dataset for one in trace_document(read_study.graph, "m1").drifts] == [stream.name]
    shutil.rmtree(stream)
    found = trace_document(read_study.graph, "m1")
    assert (found.drifts, found.readings.missing) == ([], [stream.name])


def test_a_document_as_data_is_what_json_gives_back(read_study: ReadStudy) -> None:
    told = as_data(trace_document(read_study.graph, "m1"))
    assert json.loads(json.dumps(told)) == told
    assert told["contrasts"] == {"contrast/c": 0.5}
    assert told["matches"] and told["near"] == ["power_s2"]
