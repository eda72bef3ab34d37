"""Refused requests are replaced, skipped and counted, up to a share; no message shows the key."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.ask import answer_all
from alignment_pretraining.synthesis.api.client import without_keys
from alignment_pretraining.synthesis.api.cost import cost_sheet
from alignment_pretraining.synthesis.api.found import find_answers
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.store import Store
from tests.synthesis.api.local_api import LocalApi
from tests.synthesis.api.requests_for_tests import TEST_KEY, api_config, some_requests

both = pytest.mark.parametrize("mode", ["batch", "stream"])


@both
def test_a_refused_request_is_replaced_by_a_new_sample(server: LocalApi, tmp_path: Path, mode: str) -> None:
    server.set(faults={"refusal": 4})
    config = api_config(server.url, mode=mode)
    requests = some_requests(40)
    done = answer_all(requests, config, tmp_path, "test")
    assert (done.answered, done.refused) == (40, 4)
    found = find_answers(list(requests()), Store(tmp_path).find, config.replacements)
    assert len(found) == 40
    assert not any(answer.refused for answer in found.values())
    assert done.usd == pytest.approx(Store(tmp_path).spent())
    calls = server.state()["calls"]
    assert answer_all(requests, config, tmp_path, "test") == done
    assert server.state()["calls"] == calls
    [line] = cost_sheet(requests, config, Store(tmp_path))
    assert (line.requests, line.answered, line.refused) == (40, 40, 4)
    assert line.usd_paid == pytest.approx(done.usd)


@both
def test_what_the_cost_sheet_counted_is_not_counted_again(server: LocalApi, tmp_path: Path, mode: str) -> None:
    server.set(faults={"refusal": 2})
    config = api_config(server.url, mode=mode)
    answer_all(some_requests(20), config, tmp_path, "test")
    more, listed = some_requests(30), 0

    def listing() -> Iterable[Request]:
        nonlocal listed
        listed += 1
        return more()

    sheet = cost_sheet(listing, config, Store(tmp_path))
    done = answer_all(listing, config, tmp_path, "test", sheet)
    assert listed == 2  # for the sheet, and for what is missing: the bill needs no list
    assert (done.answered, done.refused) == (30, 2)
    again = answer_all(more, config, tmp_path, "test")
    assert (done.requests, done.answered, done.refused) == (again.requests, again.answered, again.refused)


@both
def test_a_request_that_is_never_taken_blocks_no_other(
    server: LocalApi, tmp_path: Path, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "alignment_pretraining")
    server.set(refused="number 7.")
    config = api_config(server.url, mode=mode)
    done = answer_all(some_requests(40), config, tmp_path, "test")
    assert (done.answered, done.refused) == (40, 1)
    assert sum(server.state()["answered"].values()) == 39
    found = find_answers(list(some_requests(40)()), Store(tmp_path).find, config.replacements)
    [refused] = [answer for answer in found.values() if answer.fault]
    assert (refused.stop_reason, refused.usd) == ("rejected_request", 0)
    assert "not taken" in refused.text
    assert TEST_KEY not in caplog.text
    assert not any(TEST_KEY.encode() in path.read_bytes() for path in tmp_path.iterdir())


@both
def test_more_refusals_than_the_share_stop_the_run_before_all_is_paid(
    server: LocalApi, tmp_path: Path, mode: str
) -> None:
    server.set(faults={"refusal": 1000})
    config = api_config(server.url, mode=mode, batch_size=10, queued=10)
    with pytest.raises(UserError, match=r"refuses \d+ requests, such as: refusal by small-model; .* refused_share 0.1"):
        answer_all(some_requests(200), config, tmp_path, "test")
    assert 20 < sum(server.state()["answered"].values()) <= 40
    server.set(refused="It", faults={})
    with pytest.raises(UserError, match="refused_share") as told:
        answer_all(some_requests(200), config, tmp_path, "test")
    assert TEST_KEY not in str(told.value)


@both
def test_an_account_without_money_refuses_no_request(server: LocalApi, tmp_path: Path, mode: str) -> None:
    """It is told as an invalid request, and must not be taken for one."""
    server.set(faults={"no_money": 1})
    config = api_config(server.url, mode=mode)
    with pytest.raises(UserError, match="credit balance is too low"):
        answer_all(some_requests(20), config, tmp_path, "test")
    done = answer_all(some_requests(20), config, tmp_path, "test")
    assert (done.answered, done.refused) == (20, 0)
    assert set(server.state()["answered"].values()) == {1}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sk-ant-a+b/c=", "invalid key sk-ant-a%2Bb%2Fc%3D"),
        ("plain", "header b'plain' is illegal"),
        ("key\n", "invalid key: key."),
        ("none", "somebody's sk-ant-api03-abcdefgh_ijk"),
    ],
)
def test_no_form_of_a_key_is_shown(monkeypatch: pytest.MonkeyPatch, key: str, message: str) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    shown = without_keys(message)
    assert "…" in shown
    assert key.strip() not in shown or key == "key\n"
    assert "sk-" not in shown
