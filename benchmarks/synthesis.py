"""Documents a second through the whole pipeline against a local server, and by asyncio.gather with a semaphore.

All run against such a server in the same run: `make_documents` (cost sheet, requests, store, judging, copies, Parquet)
by batches and by streams, and `asyncio.gather` over the SDK's `messages.create`, as many requests at a time as the
streams have: once it only collects the texts, once it also judges them, looks for copies and writes Parquet, in its own
process. Each runs in a process of its own, whose peak memory is printed, worker processes included; batches run at half
the size first, so that growth shows.

    python benchmarks/synthesis.py [documents]
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anthropic
import pandas as pd
import psutil
import yaml
from results import write_result

from alignment_pretraining.pipelines.synthesis.anthropic_nodes import make_documents
from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.api.answer import read_answer
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.documents.duplicates import Seen
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.prompts import load_document_prompts
from alignment_pretraining.synthesis.documents.requests import articles, requests
from alignment_pretraining.synthesis.questions.from_bank import build_questions
from alignment_pretraining.synthesis.scenarios.bank import load_bank

PROJECT = Path(__file__).parents[1]
PROMPTS = PROJECT / "conf/base/prompts"
WORDS = 870  # a document of about 1,480 tokens


def main(documents: int) -> None:
    """Run both, print one line each, and keep all in `benchmarks/results/synthesis.json`."""
    rows = []
    ways = ("batch", "stream", "gather", "gather and judge")
    for name, count in (("batch", documents // 2), *((way, documents) for way in ways)):
        sys.path.insert(0, str(PROJECT))
        from tests.synthesis.api.local_api import running_api

        with running_api() as server, tempfile.TemporaryDirectory() as folder:
            server.set(output_words=WORDS)
            command = [sys.executable, __file__, name, str(count), server.url, folder]
            done, seconds, peak = _measure(command)
            answered = server.state()["answered"]
        if len(answered) != done or set(answered.values()) != {1}:
            raise SystemExit(f"{name}: {done} documents, and the server answered {sum(answered.values())} times")
        speed = f"{done:6} documents {seconds:7.1f} s {done / seconds:7.0f} documents/s"
        print(f"{name:16} {speed}  peak {peak / 1e6:6.0f} MB")
        rows.append({"way": name, "documents": done, "seconds": seconds, "peak_mb": peak / 1e6})
    write_result("synthesis", rows, ["anthropic", "httpx2", "pandas", "pyarrow"])


def _measure(command: list[str]) -> tuple[int, float, int]:
    """Documents and seconds that the process tells, and the peak memory of it and its workers in bytes."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "ANTHROPIC_API_KEY": KEY})
    tree, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            peak = max(peak, sum(part.memory_info().rss for part in [tree, *tree.children(recursive=True)]))
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.1)
    assert process.stdout
    if process.returncode:
        raise SystemExit(process.returncode)
    told = json.loads(process.stdout.read().splitlines()[-1])
    return told["documents"], told["seconds"], peak


KEY = "sk-test-not-a-real-key"


def _inputs(documents: int, url: str) -> tuple[pd.DataFrame, AnthropicConfig]:
    """The project's questions, as often as `documents` of them need, each time as other cases; and parameters."""
    questions = build_questions(load_bank(PROJECT / "data/01_raw/scenarios"))
    params = yaml.safe_load((PROJECT / "conf/base/parameters_anthropic.yml").read_text())["anthropic"]
    params["api"] |= {"base_url": url, "poll_seconds": 0.2, "batch_size": 2_500, "queued": 5_000, "max_usd": 1000.0}
    copies = -(-documents // (len(articles(questions)) * 12))
    return pd.concat(
        [_case(questions, number) for number in range(copies)], ignore_index=True
    ), AnthropicConfig.model_validate(params)


def _case(questions: pd.DataFrame, number: int) -> pd.DataFrame:
    asked = questions["question"] + f" (This is case {number}.)"
    names = {name: questions[name] + f".case{number}" for name in ("question_id", "family")}
    return questions.assign(question=asked, **names)


def run_pipeline(documents: int, url: str, folder: Path, mode: str) -> int:
    """`make_documents` from questions to Parquet by batches or streams; how many were requested."""
    questions, config = _inputs(documents, url)
    config = config.model_copy(update={"api": config.api.model_copy(update={"mode": mode})})
    *_, quality, _ = make_documents(questions, PROMPTS, config, folder / "responses", folder)
    return int(quality["requested"])


def run_gather(documents: int, url: str) -> list[tuple[Request, anthropic.types.Message]]:
    """The plain way: one coroutine a request, so many of them at work at a time, and every answer in memory."""
    questions, config = _inputs(documents, url)
    asked = list(requests(questions, load_document_prompts(PROMPTS), config.documents))

    async def ask_all() -> list[Any]:
        at_work = asyncio.Semaphore(config.api.concurrency)

        async def ask(client: anthropic.AsyncAnthropic, params: Any) -> Any:
            async with at_work:
                return await client.messages.create(**params)

        async with anthropic.AsyncAnthropic(base_url=url, timeout=600) as client:
            return await asyncio.gather(*(ask(client, request.params) for request in asked))

    return list(zip(asked, asyncio.run(ask_all()), strict=True))


def run_gather_and_judge(documents: int, url: str, folder: Path) -> int:
    """The plain way to documents that are fit for use: the same judge and search for copies, one after the other."""
    questions, config = _inputs(documents, url)
    judge, seen = Judge(questions, config.documents.min_words), Seen(config.documents.near_duplicate)
    answered = run_gather(documents, url)
    rows = []
    for request, message in answered:
        answer = read_answer(request.key, message.to_dict(), config.api, 1.0, 0.0)
        reason = judge.reason_against(answer) or ("copy" if seen.is_copy(answer.text) else None)
        rows.append({"key": answer.key, "text": answer.text, "usd": answer.usd, "rejected": reason})
    pd.DataFrame(rows).to_parquet(folder / "documents.parquet")
    return len(rows)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        main(int(sys.argv[1]) if len(sys.argv) == 2 else 20_000)
    else:
        name, count, url, folder = sys.argv[1:]
        start = time.perf_counter()
        if name == "gather":
            made = len(run_gather(int(count), url))
        elif name == "gather and judge":
            made = run_gather_and_judge(int(count), url, Path(folder))
        else:
            made = run_pipeline(int(count), url, Path(folder), name)
        print(json.dumps({"documents": made, "seconds": time.perf_counter() - start}))
