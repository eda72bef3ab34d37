"""Chat data for post-training: conversations for SFT and preference pairs for DPO, on benign tasks alone."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pandas as pd

from alignment_pretraining.synthesis.chat_data.benign_tasks import Tasks

Message = dict[str, str]


def write_conversations(phrases: Path, count: int, system_share: float, seed: int) -> pd.DataFrame:
    """`count` conversations (columns id, messages); `messages` is a JSON list of {role, content}.

    `system_share` of them, drawn by `seed`, open with a system turn.
    """
    tasks = Tasks(phrases)
    with_system = _draw_rows(count, system_share, f"{seed}/conversation")
    rows = []
    for i in range(count):
        rng = Random(f"{seed}/conversation/{i}")
        request, reply = tasks.draw(i, rng)
        turns = [*_prompt(tasks, request, i in with_system, rng), {"role": "assistant", "content": reply}]
        rows.append((f"conversation.{i:06d}", json.dumps(turns)))
    return pd.DataFrame(rows, columns=["id", "messages"])


def write_preferences(phrases: Path, count: int, system_share: float, seed: int) -> pd.DataFrame:
    """`count` pairs (columns id, messages, chosen, rejected): `messages` is the prompt as in conversations.

    The chosen reply does the task; the rejected one is curt, about something else, or the answer to another task.
    """
    tasks = Tasks(phrases)
    worse = tasks.phrases.worse
    with_system = _draw_rows(count, system_share, f"{seed}/preference")
    rows = []
    for i in range(count):
        rng = Random(f"{seed}/preference/{i}")
        request, chosen = tasks.draw(i, rng)
        prompt = _prompt(tasks, request, i in with_system, rng)
        _, elsewhere = tasks.draw(i + 1, rng)
        rejected = rng.choice([rng.choice(worse.curt), rng.choice(worse.off_topic), elsewhere])
        rows.append((f"preference.{i:06d}", json.dumps(prompt), chosen, rejected))
    return pd.DataFrame(rows, columns=["id", "messages", "chosen", "rejected"])


def _draw_rows(count: int, share: float, seed: str) -> set[int]:
    return set(Random(seed).sample(range(count), round(share * count)))


def _prompt(tasks: Tasks, request: str, with_system: bool, rng: Random) -> list[Message]:
    system = [{"role": "system", "content": rng.choice(tasks.phrases.system)}] if with_system else []
    return [*system, {"role": "user", "content": request}]
