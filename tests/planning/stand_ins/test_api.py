"""What the local API answers and bills: the tests and rehearsals of synthesis rest on it."""

from collections.abc import Iterator
from typing import Any

import pytest

from alignment_pretraining.planning.stand_ins import api as server
from alignment_pretraining.planning.stand_ins.api import KEY, Api, Settings

SHARED = "Shared prompt. " * 10  # 150 characters, 37 tokens


def params(prompt: str = "x" * 40, **changes: Any) -> dict[str, Any]:
    return {
        "model": "a-model",
        "thinking": {"type": "disabled"},
        "system": [{"type": "text", "text": SHARED}],
        "messages": [{"role": "user", "content": prompt}],
    } | changes


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A server of its own in the place of the module's."""
    made = Api()
    monkeypatch.setattr(server, "api", made)
    yield made


def text(message: dict[str, Any]) -> str:
    return str(message["content"][0]["text"])


def test_the_same_question_has_the_same_answer_and_another_sample_another(api: Api) -> None:
    assert text(api.answer(params(), "a")) == text(api.answer(params(), "b"))
    assert text(api.answer(params(), "a")) != text(api.answer(params(), "a", sample="2"))
    assert text(api.answer(params(), "a")) != text(api.answer(params("other"), "a"))
    assert api.answered == {"a": 5, "b": 1}


def test_an_answer_has_as_many_words_as_is_set(api: Api) -> None:
    api.settings = Settings(output_words=7)
    assert len(text(api.answer(params(), "a")).split()) == 7


def test_a_script_answers_prompts_that_hold_its_words(api: Api) -> None:
    api.settings = Settings(script=[("yellow", "first"), ("y", "second")])
    assert [text(api.answer(params(prompt), "a")) for prompt in ("a yellow day", "a day")] == ["first", "second"]


def test_a_shared_prompt_is_written_to_the_cache_once_and_read_from_it_after(api: Api) -> None:
    api.settings = Settings(script=[("x", "four" * 5)])
    first, second = (api.answer(params(), "a")["usage"] for _ in range(2))
    assert first == {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_creation_input_tokens": 37,
        "cache_read_input_tokens": 0,
    }
    assert second == first | {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 37}


def test_too_short_a_shared_prompt_is_no_cache_and_is_billed_as_input(api: Api) -> None:
    api.settings = Settings(min_cached_tokens=38)
    usage = api.answer(params(), "a")["usage"]
    assert (usage["input_tokens"], usage["cache_creation_input_tokens"]) == (47, 0)


def test_the_bill_is_kept_apart_for_batches_and_streams(api: Api) -> None:
    api.answer(params(), "a")
    api.answer(params(), "a", batch=True)
    assert list(api.billed) == [f"{mode}: {SHARED[:60]}" for mode in ("stream", "batch")]
    assert all(tokens["input_tokens"] == 10 for tokens in api.billed.values())


def test_a_fault_happens_as_often_as_it_is_set(api: Api) -> None:
    api.settings = Settings(faults={"refusal": 1, "max_tokens": 1})
    messages = [api.answer(params(), "a") for _ in range(3)]
    assert [message["stop_reason"] for message in messages] == ["refusal", "max_tokens", "end_turn"]
    assert messages[0]["content"] == [] and len(text(messages[1])) < len(text(messages[2]))
    assert api.settings.faults == {"refusal": 0, "max_tokens": 0}


def test_what_the_real_api_would_not_take_is_refused(api: Api) -> None:
    api.settings = Settings(refused="secret", faults={"no_money": 1})
    without = {key: value for key, value in params().items() if key != "thinking"}
    assert "thinking" in (server.invalid(without) or "")
    assert server.invalid(params(model="no-such-model")) == "model: no-such-model"
    assert KEY in (server.invalid(params("a secret")) or ""), "a message may hold the key: no log may"
    assert "credit balance" in (server.invalid(params()) or "")
    assert server.invalid(params()) is None


def test_a_batch_is_answered_and_billed_once_in_an_order_of_its_own(api: Api) -> None:
    requests = {f"request-{number}": params(f"question {number}") for number in range(20)}
    batch: dict[str, Any] = {"id": "msgbatch_0000", "requests": requests}
    server.finish(batch)
    first = list(batch["results"])
    server.finish(batch)
    assert batch["results"] == first and sum(api.answered.values()) == 20
    names = [line["custom_id"] for line in first]
    assert sorted(names) == sorted(requests) and names != list(requests)


@pytest.mark.parametrize("fault", ["expired", "canceled", "errored"])
def test_a_request_of_a_batch_may_end_without_an_answer_and_is_not_billed(fault: str, api: Api) -> None:
    api.settings = Settings(faults={fault: 1})
    assert server.result("one", params())["result"]["type"] == fault
    assert not api.billed
    assert server.result("one", params())["result"]["type"] == "succeeded"


def test_a_bad_request_of_a_batch_is_an_error_of_its_own(api: Api) -> None:
    told = server.result("one", params(model="no-such-model"))["result"]
    assert told["error"]["error"] == {"type": "invalid_request_error", "message": "model: no-such-model"}
