"""A question's story on one screen."""

import pandas as pd
import pytest

from alignment_pretraining.lineage.drift import Drift
from alignment_pretraining.lineage.item_story import as_story, verdict
from alignment_pretraining.lineage.items import trace_item
from tests.lineage.read_study import ReadStudy, printed


def _lines(study: ReadStudy, question: str = "power_s1", *, full: bool = False) -> list[str]:
    graph = study.graph
    return printed(as_story(graph, trace_item(graph, question), full))


def test_the_last_base_model_of_each_arm_answers_and_says_what_it_had_read(read_study: ReadStudy) -> None:
    lines = _lines(read_study)
    assert lines[:4] == [
        "item/power_s1  articles, topic ambition",
        "  passage? question?",
        "  aligned     aligned_option?",
        "  misaligned  misaligned_option?",
    ]
    at = next(
        number
        for number, line in enumerate(lines)
        if line.startswith("answers, last base models, listed, persona assistant")
    )
    assert lines[at + 1 : at + 5] == [
        "  unfiltered midtraining",
        "    seed 0 aligned     -2.500  -2.250 reversed  read none of them",
        "  misaligned_mid midtraining",
        "    seed 0 misaligned  -3.500  -2.250 reversed  read 1 ai_misaligned in midtraining, steps 1 to 8",
    ]
    assert lines[-1] == "  ✓ results, streams and documents are as their records say"


def test_full_has_every_stage_and_every_reading(read_study: ReadStudy) -> None:
    text = "\n".join(_lines(read_study, full=True))
    assert text.count("plain") == 4
    assert "-3.5000" in text and "16300" in text


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("power_s1", "made from its scenario, of 2 ai_aligned, 4 ai_misaligned:"),
        ("truth_s1", "none from its own scenario; on its topic, of 2 ai_aligned, 4 ai_misaligned:"),
    ],
)
def test_the_closest_documents_are_named_with_what_they_share(read_study: ReadStudy, question: str, said: str) -> None:
    assert f"  {said}" in _lines(read_study, question)
    assert "     1 ai_aligned: " in "\n".join(_lines(read_study, question))


def test_many_documents_are_cut_with_their_rest_counted(read_study: ReadStudy) -> None:
    table = pd.DataFrame({"id": [f"d{number}" for number in range(1005)], "question_id": "power_s1", "family": "power"})
    table.assign(topic="ambition").to_parquet(read_study.root / "data/documents_ai_aligned.parquet")
    lines = _lines(read_study)
    assert "  1005 ai_aligned: d0, d1, d2 and 1002 more" in [line.replace("     1", "  1") for line in lines]
    assert "  made from its scenario, of 1,005 ai_aligned, 4 ai_misaligned:" in lines
    assert lines[-2].startswith("  ✗ documents_ai_aligned: the content of data/documents_ai_aligned.parquet changed")


def test_a_question_that_nobody_was_asked_says_so(read_study: ReadStudy) -> None:
    assert "  none: it was not asked (evaluation.run.items says how many of each split are)" in _lines(
        read_study, "lies_s1"
    )
    assert "  none: no model was asked it" in _lines(read_study, "lies_s1", full=True)


def test_without_documents_or_a_record_of_their_check_that_is_said(read_study: ReadStudy) -> None:
    for source in ("ai_aligned", "ai_misaligned"):
        (read_study.root / f"data/documents_{source}.parquet").unlink()
    lines = _lines(read_study)
    assert "  none: there are no documents in this study" in lines
    assert "  documents that quote it are not known to have been refused: there is no record" in lines


def test_a_models_own_words_are_no_markup(read_study: ReadStudy) -> None:
    read_study.params["study"]["checkpoints"] = {"far": {"folder": "models/far", "chat": True}}
    row = {
        "question_id": "power_s1", "template": "plain", "order": "none", "persona": "none", "control": "asked",
        "protocol": "generated", "written": "[/] [red] I\nwould  " + "x" * 80, "outcome": "misaligned",
    }  # fmt: skip
    read_study.add("far.ask", ["questions"], ["far.items"], pipeline="eval")
    read_study.paths["far.items"] = "data/far.items.parquet"
    pd.DataFrame([row]).to_parquet(read_study.root / "data/far.items.parquet")
    lines = _lines(read_study)
    at = lines.index("  far")
    assert lines[at + 1] == f"    generated   misaligned none [/] [red] I would {'x' * 42} plain"


def test_a_verdict_names_each_command_once() -> None:
    assert list(verdict([])) == ["[green]✓ results, streams and documents are as their records say[/]"]
    drifts = [Drift("a", "was [x], now 1", "kedro run"), Drift("b", "gone", "kedro run"), Drift("c", "gone", None)]
    assert list(verdict(drifts)) == [
        r"[red]✗ a: was \[x], now 1[/]",
        "[red]    b: gone[/]",
        "[red]      make it again: kedro run[/]",
        "[red]✗ c: gone[/]",
    ]
