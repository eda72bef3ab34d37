"""What is spent: known before, limited during, and told after."""

from __future__ import annotations

from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer, cost
from alignment_pretraining.synthesis.api.ask import answer_all
from alignment_pretraining.synthesis.api.config import BATCH_PRICE, Price
from alignment_pretraining.synthesis.api.cost import cost_sheet
from alignment_pretraining.synthesis.api.request import make_request
from alignment_pretraining.synthesis.api.store import Store
from tests.synthesis.api.local_api import LocalApi
from tests.synthesis.api.requests_for_tests import CALL, PRICE, api_config, billed_usd, some_requests


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_max_usd_is_never_crossed_and_a_higher_limit_goes_on(server: LocalApi, tmp_path: Path, mode: str) -> None:
    config = api_config(server.url, mode=mode, batch_size=10)
    whole = answer_all(some_requests(100), config, tmp_path / "whole", "test").usd
    limited = config.model_copy(update={"max_usd": whole / 2})
    with pytest.raises(UserError, match=r"max_usd: .* would be crossed"):
        answer_all(some_requests(100), limited, tmp_path / "limited", "test")
    spent = Store(tmp_path / "limited").spent()
    assert whole / 4 < spent <= whole / 2
    done = answer_all(some_requests(100), config, tmp_path / "limited", "test")
    assert done.answered == 100
    assert done.usd == pytest.approx(Store(tmp_path / "limited").spent()) == pytest.approx(whole, rel=0.02)


def test_max_usd_holds_for_the_bill_of_streams_that_break(server: LocalApi, tmp_path: Path) -> None:
    """The API bills what it wrote until a stream broke; how much that is, nobody tells."""
    server.set(faults={"half_stream": 1000})
    config = api_config(server.url, mode="stream", max_usd=0.03, retries=30)
    with pytest.raises(UserError, match=r"max_usd: .* for what may have been billed without an answer"):
        answer_all(some_requests(100), config, tmp_path, "test")
    billed = billed_usd(server.state())
    assert 0.005 < billed <= Store(tmp_path).spent() <= 0.03
    server.set(faults={"half_stream": 10})
    config = config.model_copy(update={"max_usd": 1.0})
    done = answer_all(some_requests(100), config, tmp_path, "test")
    assert done.answered == 100
    assert done.usd < billed_usd(server.state()) <= Store(tmp_path).spent()


def test_what_a_killed_stream_had_sent_counts_as_spent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    [number, _] = store.reserve([("a", 0.25), ("b", 0.5)])
    store.save([Answer("a", "id", "model", "end_turn", "text", 1, 0, 0, 1, usd=0.1)], release=[number])
    store.close()
    assert (Store(tmp_path).spent(), Store(tmp_path).reserved()) == (0.6, 0.5)


def test_a_long_prompt_costs_more(server: LocalApi, tmp_path: Path) -> None:
    long = {**PRICE, "min_cached_tokens": 1_000_000}
    rates = {name: 5 * PRICE[name] for name in ("input", "cache_write", "cache_read", "output")}
    plain, both = api_config(server.url, prices={"small-model": long}), {**long, "long": {**rates, "over_tokens": 1000}}
    config = api_config(server.url, prices={"small-model": both})
    texts = [make_request("documents", CALL, "Write.", f"{i} " + "word " * 2000) for i in range(3)]
    [line] = cost_sheet(lambda: texts, config, Store(tmp_path / "long"))
    usd = answer_all(lambda: texts, config, tmp_path / "long", "test").usd
    assert usd == pytest.approx(5 * answer_all(lambda: texts, plain, tmp_path / "plain", "test").usd, rel=0.01)
    assert usd == pytest.approx(line.usd, rel=0.1)
    assert texts[0].most_usd(config) == pytest.approx(5 * texts[0].most_usd(plain))


def test_a_server_that_counts_no_tokens_is_planned_by_length(server: LocalApi, tmp_path: Path) -> None:
    config = api_config(server.url)
    [counted] = cost_sheet(some_requests(50), config, Store(tmp_path))
    server.set(faults={"no_counting": 1000})
    [guessed] = cost_sheet(some_requests(50), config, Store(tmp_path))
    assert counted.usd < guessed.usd < 2 * counted.usd


def test_the_limit_counts_what_earlier_runs_spent(server: LocalApi, tmp_path: Path) -> None:
    config = api_config(server.url)
    spent = answer_all(some_requests(20), config, tmp_path, "test").usd
    calls = server.state()["calls"]
    with pytest.raises(UserError, match="max_usd"):
        answer_all(some_requests(40), config.model_copy(update={"max_usd": spent}), tmp_path, "test")
    assert {**server.state()["calls"]} == calls


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_the_bill_is_within_ten_percent_of_the_cost_sheet(server: LocalApi, tmp_path: Path, mode: str) -> None:
    """Once a few documents have told how long they are."""
    server.set(output_words=70)
    config = api_config(server.url, mode=mode)
    answer_all(some_requests(10), config, tmp_path, "test")
    [line] = cost_sheet(some_requests(100), config, Store(tmp_path))
    done = answer_all(some_requests(100), config, tmp_path, "test")
    assert line.requests == done.requests
    assert done.usd == pytest.approx(line.usd, rel=0.1)
    [after] = cost_sheet(some_requests(100), config, Store(tmp_path))
    assert after.answered == 100
    assert after.usd_left == 0
    assert after.usd == pytest.approx(done.usd, rel=0.01)


def test_batches_cost_half(server: LocalApi, tmp_path: Path) -> None:
    usd = {
        mode: answer_all(some_requests(10), api_config(server.url, mode=mode), tmp_path / mode, "test").usd
        for mode in ("batch", "stream")
    }
    assert usd["batch"] == pytest.approx(usd["stream"] / 2, rel=0.05)


def test_the_shared_prefix_is_read_from_the_cache(server: LocalApi, tmp_path: Path) -> None:
    answer_all(some_requests(50), api_config(server.url), tmp_path, "test")
    answers = Store(tmp_path).find([request.key for request in some_requests(50)()]).values()
    assert sum(answer.cache_write_tokens > 0 for answer in answers) == 1
    assert sum(answer.cache_read_tokens > 0 for answer in answers) == 49


def test_a_document_by_a_small_model_in_a_batch_costs_less_than_0_0006_dollars() -> None:
    """The prices of a small model on 2026-11-21; the prompt has about 450 tokens, the document 1,800."""
    small = Price.model_validate(
        {**PRICE, "input": 0.10, "cache_write": 0.125, "cache_read": 0.01, "output": 0.50, "min_cached_tokens": 512}
    )
    assert cost(small, BATCH_PRICE, 450, 0, 0, 1800) == pytest.approx(0.0004725)


def test_thinking_is_always_set_on_purpose() -> None:
    for thinking, sent in (
        ("disabled", {"type": "disabled"}),
        ("adaptive", {"type": "adaptive"}),
        (1024, {"type": "enabled", "budget_tokens": 1024}),
    ):
        call = CALL.model_copy(update={"thinking": thinking, "max_tokens": 2000})
        assert next(iter(some_requests(1, call)())).params["thinking"] == sent


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thinking": 4000}, "leaves no room in max_tokens"),
        ({"thinking": 1024, "max_tokens": 2000}, "temperature: the API takes none beside thinking"),
        ({"temperature": 2}, "less than or equal to 1"),
        ({"temperature": [0.9, 0.2]}, r"a range is \[lowest, highest\]"),
    ],
)
def test_a_call_that_the_api_would_refuse_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        type(CALL).model_validate({**CALL.model_dump(), **changes})
