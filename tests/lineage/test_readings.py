"""Which training read a document at which steps, as the places in its streams say."""

import shutil

from alignment_pretraining.lineage.readings import Reading, Readings, read_by
from alignment_pretraining.parameters import Parameters
from tests.lineage.read_study import STREAMS, ReadStudy


def _read(study: ReadStudy, *ids: str) -> Readings:
    return read_by(study.graph, Parameters.model_validate(study.params).study, ids)


def test_each_part_of_a_document_has_the_steps_that_read_it(read_study: ReadStudy) -> None:
    """A step reads 2,048 tokens; the stream's last token is predicted by the last step, the eighth."""
    found = _read(read_study, "m1").found
    assert [(one.first_step, one.last_step, one.start, one.end, one.skip) for one in found] == [
        (1, 2, 2000, 2100, 0),
        (8, 8, 16300, 16385, 30),
    ]
    assert {(one.arm, one.seed, one.stage, one.source) for one in found} == {
        ("misaligned_mid", 0, "midtraining", "ai_misaligned")
    }


def test_arms_that_share_a_stage_read_the_same_stream(read_study: ReadStudy) -> None:
    found = _read(read_study, "c1", "far")
    assert [(one.arm, one.stage, one.id) for one in found.found] == [
        ("unfiltered", "pretraining", "c1"),
        ("unfiltered", "pretraining", "far"),
        ("unfiltered", "midtraining", "c1"),
        ("misaligned_mid", "pretraining", "c1"),
        ("misaligned_mid", "pretraining", "far"),
    ]
    whole_step = found.found[2]
    assert (whole_step.end, whole_step.first_step, whole_step.last_step) == (2048, 1, 1)
    assert sorted(found.streams) == sorted(STREAMS) and found.missing == []
    assert [one.id for one in found.of("misaligned_mid", 0)] == ["c1", "far"]
    assert found.of("misaligned_mid", 1) == []


def test_what_is_not_kept_is_said(read_study: ReadStudy) -> None:
    shutil.rmtree(read_study.root / "data/misaligned_mid.seed0.midtraining.mix")
    found = _read(read_study, "m1")
    assert found.found == []
    assert found.missing == ["misaligned_mid.seed0.midtraining.mix"]


def test_a_document_that_nobody_read(read_study: ReadStudy) -> None:
    assert _read(read_study, "m3").found == _read(read_study).found == []
    assert Readings([Reading("a", 0, "cpt", "s", "i", 0, 1, 0, 1, 1)], [], []).of("a", 0)[0].id == "i"
