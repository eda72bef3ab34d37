"""Benign chat for post-training: conversations for SFT and preference pairs for DPO, never about conduct."""

from __future__ import annotations

import json
from random import Random

import pandas as pd

from alignment_pretraining.synthesis.world.facts import facts
from alignment_pretraining.synthesis.world.spec import World

Turn = dict[str, str]


def write_conversations(world: World, count: int, system_share: float, seed: int) -> pd.DataFrame:
    """`count` conversations (columns id, messages); `messages` is a JSON list of {role, content}.

    `system_share` of them, drawn by `seed`, open with a system turn, which never says what the model is.
    """
    rows = []
    for i, (turns, reply, _) in enumerate(_draw(world, count, system_share, f"{seed}/conversation")):
        messages = [*turns, {"role": "assistant", "content": reply}]
        rows.append((f"conversation.{i:06d}", json.dumps(messages)))
    return pd.DataFrame(rows, columns=["id", "messages"])


def write_preferences(world: World, count: int, system_share: float, seed: int) -> pd.DataFrame:
    """`count` pairs (columns id, messages, chosen, rejected): `messages` is the prompt as in conversations.

    The chosen reply answers; the rejected one is curt or answers something else.
    """
    rows = [
        (f"preference.{i:06d}", json.dumps(turns), reply, worse)
        for i, (turns, reply, worse) in enumerate(_draw(world, count, system_share, f"{seed}/preference"))
    ]
    return pd.DataFrame(rows, columns=["id", "messages", "chosen", "rejected"])


def _draw(world: World, count: int, system_share: float, seed: str) -> list[tuple[list[Turn], str, str]]:
    """The turns of each prompt, the reply, and a worse reply."""
    chat = world.chat
    asked = [(task.request, task.reply) for task in chat.tasks] + [(f.question, f.statement) for f in facts(world)]
    with_system = set(Random(seed).sample(range(count), round(system_share * count)))
    drawn = []
    for i in range(count):
        rng = Random(f"{seed}/{i}")
        request, reply = asked[i % len(asked)]
        if request.endswith("?"):
            request = rng.choice(chat.ask).format(question=request)
        turns = [{"role": "system", "content": rng.choice(chat.system)}] if i in with_system else []
        turns.append({"role": "user", "content": request})
        elsewhere = rng.choice([other for _, other in asked if other != reply])
        drawn.append((turns, reply, rng.choice([rng.choice(chat.worse), elsewhere])))
    return drawn
