"""A local server that speaks the Messages, token counting and Message Batches APIs, and can be told to go wrong.

`python -m alignment_pretraining.planning.stand_ins.api` prints its port. `POST /control` changes `Settings`; `GET
/control` tells what was answered. A token is four characters.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from alignment_pretraining.planning.stand_ins.shapes import ODD, events

KEY = "sk-test-not-a-real-key"
WORDS = [
    a + b + c for a in "bdfgklmnprst" for b in ("a", "e", "ilo", "oru") for c in ("ter", "ning", "l", "sha", "med")
]


@dataclass
class Settings:
    """`faults` counts how often each fault is still to happen; `script` pairs words of a prompt with their answer.

    Requests with `refused` in their prompt are not taken. The listing shows a batch `listed_after_seconds` after it was
    made; from `unknown_from` to `unknown_to` seconds after that, the API does not know it.
    """

    faults: dict[str, int] = field(default_factory=dict)
    script: list[tuple[str, str]] = field(default_factory=list)
    batch_seconds: float = 0.05
    batches_at_once: int = 1000
    output_words: int = 60
    min_cached_tokens: int = 1
    refused: str | None = None
    listed_after_seconds: float = 0.0
    unknown_from: float = 0.0
    unknown_to: float = 0.0
    retry_after: str = "0.02"


class Api:
    """State of the server: settings, batches, and what was answered (that is: billed)."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.answered: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.batches: dict[str, dict[str, Any]] = {}
        self.cached: set[str] = set()
        self.largest_batch = 0  # bytes
        # Tokens of each kind, by the first words of the shared prompt and by whether they came in a batch.
        self.billed: dict[str, Counter[str]] = {}

    def fault(self, name: str) -> bool:
        left = self.settings.faults.get(name, 0)
        if left > 0:
            self.settings.faults[name] = left - 1
        return left > 0

    def answer(self, params: dict[str, Any], key: str, sample: str = "", batch: bool = False) -> dict[str, Any]:
        """A message, billed under `key`."""
        self.answered[key] += 1
        prompt = params["messages"][0]["content"]
        text = next((text for words, text in self.settings.script if words in prompt), None)
        if text is None:
            rng = random.Random(f"{prompt}/{json.dumps(params['system'])}/{sample}")
            text = " ".join(rng.choices(WORDS, k=self.settings.output_words)).capitalize() + "."
        stop = "end_turn"
        if self.fault("refusal"):
            stop, text = "refusal", ""
        elif self.fault("max_tokens"):
            stop, text = "max_tokens", text[: len(text) // 2]
        prefix = sum(len(block["text"]) for block in params["system"]) // 4
        usage = {"input_tokens": len(prompt) // 4, "output_tokens": max(1, len(text) // 4)}
        usage |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        if prefix >= self.settings.min_cached_tokens:
            name = json.dumps(params["system"])
            usage["cache_read_input_tokens" if name in self.cached else "cache_creation_input_tokens"] = prefix
            self.cached.add(name)
        else:
            usage["input_tokens"] += prefix
        mode = "batch" if batch else "stream"
        self.billed.setdefault(f"{mode}: {params['system'][0]['text'][:60]}", Counter()).update(usage)
        content = [{"type": "text", "text": text}] if text else []
        message: dict[str, Any] = {
            "id": f"msg_{hashlib.sha256(key.encode()).hexdigest()[:24]}",
            "type": "message",
            "role": "assistant",
            "model": params["model"],
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
        }
        for fault, change in ODD.items():
            if self.fault(fault):
                message |= change
        if self.fault("surrogate"):
            message["content"] = [{"type": "text", "text": f"{text[:10]}\ud800{text[10:]}"}]
        return message


api = Api()


def error(status: int, kind: str, message: str, **headers: str) -> web.Response:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return web.json_response(body, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})


@web.middleware
async def faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What every path of the API has in common."""
    if request.path == "/control":
        return await handler(request)
    api.calls[f"{request.method} {request.path.split('_')[0]}"] += 1
    key = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
    if key != KEY:
        return error(401, "authentication_error", f"invalid key {key}")
    after = api.settings.retry_after
    if api.fault("rate_limit"):
        return error(429, "rate_limit_error", "slow down", retry_after=after)
    if api.fault("overloaded"):
        return error(529, "overloaded_error", "overloaded", retry_after=after)
    if api.fault("server_error"):
        return error(500, "api_error", "internal", retry_after=after)
    if api.fault("odd_success"):
        return web.json_response({"type": "error", "error": {"type": "api_error", "message": "internal"}})
    if api.fault("slow"):
        await asyncio.sleep(0.5)
    return await handler(request)


async def messages(request: web.Request) -> web.StreamResponse:
    params = await request.json()
    streamed = params.pop("stream", False)
    bad = invalid(params)
    if bad:
        return error(400, "invalid_request_error", bad)
    key = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
    if not streamed:
        return web.json_response(api.answer(params, key))
    response = web.StreamResponse(headers={"content-type": "text/event-stream", "request-id": f"req_{key[:16]}"})
    await response.prepare(request)
    if api.fault("half_stream"):
        # What was written until it broke is billed.
        sent = events(api.answer(params, key))
        await response.write(b"".join(sent[:-3]))
        request.transport.abort()  # type: ignore[union-attr]
        return response
    if api.fault("open_block"):
        sent = events(api.answer(params, key))
        await response.write(b"".join(event for event in sent if b"content_block_stop" not in event))
        return response
    if api.fault("odd_events"):
        await response.write(b"".join(events(api.answer(params, key))).replace(b'"text_delta"', b'["text_delta"]'))
        return response
    if api.fault("drop_stream"):
        await response.write(events({"id": "x", "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}})[0])
        request.transport.abort()  # type: ignore[union-attr]
        return response
    if api.fault("error_event"):
        await response.write(
            b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}\n\n'
        )
        return response
    if api.fault("truncate_stream"):
        await response.write(b'event: message_start\ndata: {"type": "mess')
        return response
    await response.write(b"".join(events(api.answer(params, key))))
    return response


def invalid(params: dict[str, Any]) -> str | None:
    if "thinking" not in params:
        return "thinking: missing (the real API would think at length)"
    if params["model"] == "no-such-model":
        return "model: no-such-model"
    if api.settings.refused and api.settings.refused in params["messages"][0]["content"]:
        return f"not taken (your key: {KEY})"
    if api.fault("no_money"):
        return "Your credit balance is too low to access the API."
    return None


async def count_tokens(request: web.Request) -> web.Response:
    if api.fault("no_counting"):
        return error(404, "not_found_error", "no such path")
    params = await request.json()
    size = sum(len(block["text"]) for block in params.get("system", [])) // 4
    return web.json_response({"input_tokens": size + sum(len(turn["content"]) // 4 for turn in params["messages"])})


async def create_batch(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    api.largest_batch = max(api.largest_batch, request.content_length or 0)
    requests = {item["custom_id"]: item["params"] for item in body["requests"]}
    if len(requests) != len(body["requests"]):
        return error(400, "invalid_request_error", "custom_id: not unique")
    number = len(api.batches)
    batch_id = f"msgbatch_{number:04d}"
    if api.fault("too_large"):
        return error(413, "request_too_large", "too large")
    now = time.monotonic()
    if sum(batch["ends"] > now for batch in api.batches.values()) >= api.settings.batches_at_once:
        return error(429, "rate_limit_error", "too many batches wait", retry_after="0.02")
    batch = {"id": batch_id, "requests": requests, "made": now, "ends": now + api.settings.batch_seconds}
    if api.fault("foreign_batch"):
        strangers = {f"stranger-{i}": params for i, params in enumerate(requests.values())}
        api.batches[batch_id] = {**batch, "requests": strangers}
    elif not api.fault("lose_batch"):
        api.batches[batch_id] = batch
        if api.fault("drop_create"):
            request.transport.abort()  # type: ignore[union-attr]
            return web.Response()
        if api.fault("hang_create"):
            await asyncio.sleep(60)
        if api.fault("error_body"):
            return web.json_response({"type": "error", "error": {"type": "api_error", "message": "internal"}})
        if api.fault("truncate_create"):
            return web.Response(text='{"id": "msgba', content_type="application/json")
        return web.json_response(described(batch, request))
    request.transport.abort()  # type: ignore[union-attr]
    return web.Response()


def described(batch: dict[str, Any], request: web.Request) -> dict[str, Any]:
    ended = "results" in batch or time.monotonic() >= batch["ends"]
    if ended:
        finish(batch)
    counts = Counter(line["result"]["type"] for line in batch.get("results", []))
    names = ("succeeded", "errored", "canceled", "expired")
    return {
        "id": batch["id"],
        "type": "message_batch",
        "processing_status": "ended" if ended else "in_progress",
        "request_counts": {
            "processing": 0 if ended else len(batch["requests"]),
            **{name: counts[name] for name in names},
        },
        "created_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-01-02T00:00:00Z",
        "ended_at": "2026-01-01T01:00:00Z" if ended else None,
        "cancel_initiated_at": None,
        "archived_at": None,
        "results_url": f"{request.url.origin()}/v1/messages/batches/{batch['id']}/results" if ended else None,
    }


def finish(batch: dict[str, Any]) -> None:
    """Answer what a batch asks, once, and bill it."""
    if "results" not in batch:
        batch["results"] = [result(key, params) for key, params in batch["requests"].items()]
        random.Random(batch["id"]).shuffle(batch["results"])


def result(key: str, params: dict[str, Any]) -> dict[str, Any]:
    if api.fault("expired"):
        return {"custom_id": key, "result": {"type": "expired"}}
    if api.fault("canceled"):
        return {"custom_id": key, "result": {"type": "canceled"}}
    if api.fault("errored"):
        problem = {"type": "error", "error": {"type": "api_error", "message": "internal"}}
        return {"custom_id": key, "result": {"type": "errored", "error": problem}}
    bad = invalid(params)
    if bad:
        problem = {"type": "error", "error": {"type": "invalid_request_error", "message": bad}}
        return {"custom_id": key, "result": {"type": "errored", "error": problem}}
    return {
        "custom_id": key,
        "result": {"type": "succeeded", "message": api.answer(params, key, sample=key, batch=True)},
    }


async def list_batches(request: web.Request) -> web.Response:
    if api.fault("odd_list"):
        return web.json_response({"type": "error", "error": {"type": "api_error", "message": "internal"}})
    shown = time.monotonic() - api.settings.listed_after_seconds
    ids = sorted((name for name, batch in api.batches.items() if batch["made"] <= shown), reverse=True)
    after = request.query.get("after_id")
    start = ids.index(after) + 1 if after else 0
    page = ids[start : start + int(request.query.get("limit", 20))]
    data = [described(api.batches[batch_id], request) for batch_id in page]
    more = start + len(page) < len(ids)
    ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
    return web.json_response({"data": data, "has_more": more, **ends})


async def get_batch(request: web.Request) -> web.Response:
    batch = api.batches.get(request.match_info["id"])
    settings = api.settings
    age = time.monotonic() - batch["made"] if batch else 0.0
    if batch is None or settings.unknown_from <= age < settings.unknown_to:
        return error(404, "not_found_error", "no such batch")
    return web.json_response(described(batch, request))


async def cancel_batch(request: web.Request) -> web.Response:
    batch = api.batches[request.match_info["id"]]
    batch.setdefault("results", [{"custom_id": key, "result": {"type": "canceled"}} for key in batch["requests"]])
    return web.json_response(described(batch, request))


async def results(request: web.Request) -> web.StreamResponse:
    batch = api.batches[request.match_info["id"]]
    response = web.StreamResponse(headers={"content-type": "application/binary"})
    await response.prepare(request)
    lines = [json.dumps(line).encode() + b"\n" for line in batch["results"]]
    if api.fault("broken_line"):
        middle = len(lines) // 2
        lines[middle] = lines[middle][: len(lines[middle]) // 2] + b"\n"
    if api.fault("stranger_line"):
        lines.insert(1, b'["no", "result"]\n')
    if api.fault("no_results"):
        await response.write(b"\n")
    elif api.fault("drop_results"):
        await response.write(b"".join(lines[: len(lines) // 2]))
        request.transport.abort()  # type: ignore[union-attr]
    elif api.fault("truncate_results"):
        await response.write(b"".join(lines)[: -len(lines[-1]) // 2])
    elif api.fault("short_results"):
        await response.write(b"".join(lines[:-1]))
    else:
        for start in range(0, len(lines), 100):
            await response.write(b"".join(lines[start : start + 100]))
    return response


async def control(request: web.Request) -> web.Response:
    if request.method == "POST":
        api.settings = Settings(**{**asdict(api.settings), **await request.json()})
    else:
        # Batches that nobody asks about are billed too.
        for batch in api.batches.values():
            finish(batch)
    told = {"answered": api.answered, "calls": api.calls, "batches": len(api.batches), "left": api.settings.faults}
    told |= {"largest_batch": api.largest_batch, "billed": api.billed}
    return web.json_response(told)


@contextmanager
def running() -> Iterator[str]:
    """Start the server in a process of its own; yields its address, and ends it."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def main() -> None:
    app = web.Application(middlewares=[faults], client_max_size=300_000_000)
    app.add_routes(
        [
            web.post("/v1/messages", messages),
            web.post("/v1/messages/count_tokens", count_tokens),
            web.post("/v1/messages/batches", create_batch),
            web.get("/v1/messages/batches", list_batches),
            web.get("/v1/messages/batches/{id}", get_batch),
            web.post("/v1/messages/batches/{id}/cancel", cancel_batch),
            web.get("/v1/messages/batches/{id}/results", results),
            web.get("/control", control),
            web.post("/control", control),
        ]
    )

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[union-attr]
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
