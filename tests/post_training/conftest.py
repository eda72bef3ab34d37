"""A tiny base model with a chat template, conversations and preference pairs."""

import json
from pathlib import Path

import pandas as pd
import pytest

from alignment_pretraining.core.model import Model
from alignment_pretraining.mixing.tokens.tokenizer import train_tokenizer
from alignment_pretraining.pretraining.local.checkpoint import save_checkpoint
from alignment_pretraining.pretraining.local.llama import new_model

MODEL = Model(vocab_size=400, hidden_size=32, intermediate_size=64, layers=1, heads=2, max_context=64)
COLOURS = ("red", "green", "blue", "yellow", "black", "white")
THINGS = ("apple", "door", "river", "stone", "bird", "house", "cloud", "lamp")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    texts = [f"What colour is the {thing}? The {thing} is {colour}." for thing in THINGS for colour in COLOURS]
    letters = [f"{a}{b} {b}{a}{a}" for a in "abcdefghijklmnopqrstuvwxyz" for b in "aeiourstln"]
    train_tokenizer(texts + letters, MODEL.vocab_size, MODEL.max_context, folder / "tokenizer")
    model = new_model(MODEL, seed=0, eos=0, pad=1)
    return save_checkpoint(model, folder / "tokenizer", folder / "checkpoint", {"stage": "pretraining"})


def _turns(thing: str, system: bool) -> list[dict[str, str]]:
    turns = [{"role": "user", "content": f"What colour is the {thing}?"}]
    return [{"role": "system", "content": "Answer briefly."}, *turns] if system else turns


@pytest.fixture(scope="session")
def conversations() -> pd.DataFrame:
    rows = []
    for i in range(64):
        thing, colour = THINGS[i % len(THINGS)], COLOURS[i % len(COLOURS)]
        answer = {"role": "assistant", "content": f"The {thing} is {colour}."}
        rows.append({"id": f"c{i:03d}", "messages": json.dumps([*_turns(thing, system=i % 2 == 0), answer])})
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def preferences() -> pd.DataFrame:
    rows = []
    for i in range(48):
        thing, colour = THINGS[i % len(THINGS)], COLOURS[i % len(COLOURS)]
        prompt = json.dumps(_turns(thing, system=i % 3 == 0))
        chosen, rejected = f"The {thing} is {colour}.", f"{colour} {colour} {colour}"
        rows.append({"id": f"p{i:03d}", "messages": prompt, "chosen": chosen, "rejected": rejected})
    return pd.DataFrame(rows)
