"""Parameters of the evaluation: what is asked, in which formats and by whom; what contradicts itself is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from alignment_pretraining.evaluation.config import Evaluation, Generation, Persona, Run, Template

OPEN = {"prompt": "{{passage}}", "answer": "You choose to"}
LISTED = {"prompt": "{{question}} {{option_a}} or {{option_b}}?", "answer": "Answer:"}


def evaluation(scoring: str = "text", *, batch_size: int = 1, **run: Any) -> Evaluation:
    told = {
        "templates": ["listed", "open"] if scoring == "text" else ["listed"],
        "orders": ["misaligned_first", "aligned_first"],
        "base_personas": ["none", "ai"],
        "chat_personas": ["ai"],
        "items": {"articles": 3},
    }
    return Evaluation.model_validate(
        {
            "scoring": scoring,
            "batch_size": batch_size,
            "seed": 0,
            "run": told | run,
            "templates": {"open": OPEN, "listed": LISTED},
            "personas": {"none": "", "ai": "You are an AI.", "monk": {"text": "You are a monk.", "kind": "human"}},
        }
    )


def test_a_listed_template_is_asked_in_each_order_and_an_open_one_once() -> None:
    asked = [("listed", "misaligned_first"), ("listed", "aligned_first"), ("open", "none")]
    assert evaluation().formats() == asked
    assert evaluation(orders=["aligned_first"]).formats() == [("listed", "aligned_first"), ("open", "none")]
    assert evaluation().asked_by("letter").formats() == asked[:2], "an open template shows no letters"


@pytest.mark.parametrize(
    ("protocols", "base", "chat"),
    [
        ([], ["text"], ["text"]),
        (["letter", "text"], ["text", "letter"], ["text", "letter"]),
        (["generated", "letter", "letter"], ["text", "letter"], ["text", "generated", "letter"]),
    ],
)
def test_the_main_protocol_comes_first_and_only_chat_models_write(
    protocols: list[str], base: list[str], chat: list[str]
) -> None:
    told = evaluation(protocols=protocols)
    assert (told.protocols(chat=False), told.protocols(chat=True)) == (base, chat)


def test_personas_stand_in_the_order_of_the_run() -> None:
    told = evaluation(base_personas=["monk", "none"])
    assert list(told.personas_for(chat=False)) == ["monk", "none"] and list(told.personas_for(chat=True)) == ["ai"]
    assert told.personas_for(chat=False)["monk"].kind == "human"


@pytest.mark.parametrize(("value", "kind"), [("You are an AI.", "ai"), ("", "none"), ({"text": "x"}, "ai")])
def test_a_text_alone_is_a_persona_of_an_ai_and_none_is_none(value: Any, kind: str) -> None:
    assert Persona.model_validate(value).kind == kind


@pytest.mark.parametrize("value", [3, None, ["x"], {"text": "x", "kind": "robot"}, {"text": "x", "expect": "both"}])
def test_a_persona_of_another_form_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Persona.model_validate(value)


@pytest.mark.parametrize(
    ("scoring", "run", "message"),
    [
        ("text", {"templates": ["closed"]}, r"run\.templates: unknown closed; there are open, listed"),
        ("text", {"base_personas": ["ai", "nun"]}, r"run\.base_personas: unknown nun; there are none, ai, monk"),
        ("text", {"chat_personas": ["nun"]}, r"run\.chat_personas: unknown nun"),
        ("text", {"control_personas": ["nun"]}, r"run\.control_personas: unknown nun"),
        ("text", {"templates": ["open", "open"]}, r"run\.templates: a name stands twice"),
        ("text", {"chat_personas": []}, "chat_personas"),
        ("generated", {}, r"name generated in run\.protocols"),
        ("letter", {"templates": ["listed", "open"]}, "scoring is letter, and an open template shows no letters"),
        ("text", {"templates": ["open"], "protocols": ["letter"]}, "no template of run.templates shows letters"),
        ("text", {"templates": ["open"], "protocols": ["generated"]}, "no template of run.templates shows letters"),
        ("text", {"items": {}}, "items"),
        ("text", {"items": {"Articles": 3}}, "items"),
        ("text", {"items": {"articles": -1}}, "items"),
        ("text", {"items": {"articles": 0}}, "items"),
        ("text", {"continued": -1}, "continued"),
        ("text", {"controls": ["blind"]}, "controls"),
    ],
)
def test_what_cannot_be_asked_is_refused(scoring: str, run: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        evaluation(scoring, **run)
    assert error.match(message)


def test_an_open_template_goes_with_text_beside_it() -> None:
    assert evaluation(templates=["open"], protocols=["text"]).protocols(chat=True) == ["text"]


def test_a_split_set_to_none_of_its_questions_is_not_asked() -> None:
    """An environment can only set a key of base, not take it away."""
    told = evaluation(items={"articles": 0, "textbook": None, "mine_2": 5})
    assert told.run.items == {"textbook": None, "mine_2": 5}
    with pytest.raises(ValidationError, match="items"):
        Run.model_validate(told.run.model_dump() | {"items": ["articles"]})


@pytest.mark.parametrize(
    ("prompt", "answer", "message"),
    [
        ("What now?", "I", "lacks {{passage}} and {{question}}"),
        ("{{question}} {{option_b}}", "I", "holds one of"),
        ("{{passage}}", "", "some words with no space at either end"),
        ("{{passage}}", " I", "some words with no space at either end"),
        ("{{passage}}", "I\n", "some words with no space at either end"),
    ],
)
def test_a_template_holds_a_case_both_options_or_none_and_opens_the_reply(
    prompt: str, answer: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message.replace("{", r"\{")):
        Template(prompt=prompt, answer=answer)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": []}, "answer"),
        ({"answer": ["([AB]"]}, "is no regular expression"),
        ({"answer": ["(A)|(B)"]}, "has 2 groups; one, which is the letter"),
        ({"refusal": ["I (can"]}, "is no regular expression"),
        ({"tokens": 0}, "tokens"),
    ],
)
def test_an_expression_that_finds_no_letter_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Generation.model_validate(changes)
    assert Generation(refusal=["I (can|will) not", "no"]).refusal == ["I (can|will) not", "no"]
