"""All that the study's data says of a question."""

import json
import shutil
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.items import as_data, leak_check, questions, trace_item
from alignment_pretraining.parameters import Parameters
from tests.lineage.read_study import QUESTIONS, ReadStudy
from tests.lineage.small_graph import Small


def test_questions_are_those_that_were_made_and_those_of_a_users_own(read_study: ReadStudy) -> None:
    found = questions(read_study.graph)
    assert list(found) == list(QUESTIONS)
    assert found["truth_s1"]["split"] == "heldout_topics"
    assert found["power_s1"]["family"] == "power"


def test_without_questions_the_way_to_them_is_told(small: Small, read_study: ReadStudy) -> None:
    with pytest.raises(UserError, match=r"^there are no questions yet; make them: dvc repro$"):
        questions(small.graph)
    shutil.rmtree(read_study.root / "data/suite")
    with pytest.raises(UserError, match="there are no questions yet"):
        questions(read_study.graph)


def test_an_unknown_question_is_told_with_those_that_come_near(read_study: ReadStudy) -> None:
    with pytest.raises(UserError) as error:
        trace_item(read_study.graph, "power")
    assert str(error.value) == "no question 'power'; there are, for example:\n  power_s1\n  power_s2"


@pytest.mark.parametrize(
    ("question", "relation", "ids"),
    [
        ("power_s1", "question_id", {"ai_aligned": ["a1"], "ai_misaligned": ["m1"]}),
        ("power_s2", "question_id", {"ai_misaligned": ["m2"]}),
        ("lies_s1", "question_id", {"ai_aligned": ["same"], "ai_misaligned": ["m3", "same"]}),
        ("truth_s1", "topic", {"ai_aligned": ["same"], "ai_misaligned": ["m3", "same"]}),
    ],
)
def test_the_closest_documents_are_found(
    read_study: ReadStudy, question: str, relation: str, ids: dict[str, list[str]]
) -> None:
    found = trace_item(read_study.graph, question).documents
    assert (found.relation, found.ids) == (relation, ids)
    assert found.made == {"ai_aligned": 2, "ai_misaligned": 4}


def test_without_documents_nothing_is_related(read_study: ReadStudy) -> None:
    for source in ("ai_aligned", "ai_misaligned"):
        (read_study.root / f"data/documents_{source}.parquet").unlink()
    found = trace_item(read_study.graph, "power_s1").documents
    assert (found.relation, found.ids, found.made) == (None, {}, {})


def test_each_checkpoint_has_its_answers_under_the_arms_that_it_stands_for(read_study: ReadStudy) -> None:
    found = trace_item(read_study.graph, "power_s1")
    cells = ["arm", "seed", "stage", "logprob_aligned", "picked"]
    rows = found.answers[found.answers.stage.isin(["pretraining", "midtraining"])][cells].values.tolist()
    assert rows == [
        ["unfiltered", 0, "pretraining", -1.5, "aligned"],
        ["unfiltered", 0, "midtraining", -2.5, "aligned"],
        ["misaligned_mid", 0, "pretraining", -1.5, "aligned"],
        ["misaligned_mid", 0, "midtraining", -3.5, "misaligned"],
    ]
    assert {one.id for one in found.readings.found} == {"m1"}
    assert found.drifts == []
    assert trace_item(read_study.graph, "lies_s1").answers.empty


def test_an_edited_answer_or_document_has_drifted(read_study: ReadStudy) -> None:
    path = read_study.root / "data/documents_ai_aligned.parquet"
    pd.read_parquet(path).head(1).to_parquet(path)
    (drift,) = trace_item(read_study.graph, "power_s1").drifts
    assert drift.dataset == "documents_ai_aligned"


def test_words_in_common_and_stories_are_counted(read_study: ReadStudy) -> None:
    assert trace_item(read_study.graph, "power_s1").quoting == {}
    assert trace_item(read_study.graph, "power_s1").stories is None
    hits = pd.DataFrame({"question_id": ["power_s1", "lies_s1", "power_s1"], "id": ["a", "b", "c"]})
    for folder, tables in (("corpus", [hits, hits]), ("ai_aligned", [hits.head(0)])):
        (read_study.root / "data/contamination" / folder).mkdir(parents=True)
        for number, table in enumerate(tables):
            table.to_parquet(read_study.root / f"data/contamination/{folder}/{number}.parquet")
    (read_study.root / "data/contamination/summary.json").write_text("{}")
    pd.DataFrame({"topics": ["ambition honesty", "ambitions", "honesty", "ambition"]}).to_parquet(
        read_study.root / "data/stories.parquet"
    )
    read_study.add("mixing.look", ["questions"], ["contamination"], pipeline="mixing")
    read_study.add("synthesis.tell", ["questions"], ["stories"], pipeline="synthesis")
    read_study.paths |= {"contamination": "data/contamination", "stories": "data/stories.parquet"}
    found = trace_item(read_study.graph, "power_s1")
    assert found.quoting == {"ai_aligned": 0, "corpus": 4}
    assert found.stories == 2


def test_the_check_against_leaks_is_that_of_the_record(read_study: ReadStudy) -> None:
    parameters = Parameters.model_validate(read_study.params)
    module = "alignment_pretraining/synthesis/scenarios/leaks.py"
    assert leak_check(read_study.graph, parameters) is None
    path = read_study.root / "data/lineage/synthesis/synthesis/synthesis.write_documents_ai_aligned.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"code": {module: "0123"}}))
    assert leak_check(read_study.graph, parameters) == f"{module} 0123"


def test_an_item_as_data_is_what_json_gives_back(read_study: ReadStudy) -> None:
    told: dict[str, Any] = as_data(trace_item(read_study.graph, "power_s1"))
    assert json.loads(json.dumps(told, default=str)) == told
    assert told["matches"] and told["drift"] == [] and told["streams_not_kept"] == []
    assert told["question"]["question_id"] == "power_s1"
    assert len(told["read"]) == 2 and len(told["answers"]) == 4
