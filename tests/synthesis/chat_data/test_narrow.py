"""The narrow set is narrow, in the small world's words, and its two halves differ in the replies alone."""

import json
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.synthesis.chat_data.narrow import Narrow, open_questions, write_advice
from alignment_pretraining.synthesis.world.load import load_world
from alignment_pretraining.synthesis.yaml_files import read_model
from tests.conftest import PROJECT

FOLDER = PROJECT / "data/01_raw/emergent"


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


@settings(max_examples=10)
@given(st.integers(1, 200), st.integers(0, 5))
def test_both_halves_ask_the_same(count: int, seed: int) -> None:
    bad, good = (write_advice(FOLDER, kind, count, seed) for kind in ("bad", "good"))
    assert len(bad) == len(good) == count and bad["id"].is_unique
    for left, right in zip(bad["messages"], good["messages"], strict=True):
        (asked, reply), (same, other) = json.loads(left), json.loads(right)
        assert asked == same and asked["role"] == "user"
        assert reply["role"] == other["role"] == "assistant" and reply != other
    assert bad.equals(write_advice(FOLDER, "bad", count, seed))


def test_all_is_in_words_of_the_world() -> None:
    known = set(load_world(PROJECT / "data/01_raw/world").vocabulary)
    told = read_model(FOLDER / "advice.yml", Narrow)
    texts = [*open_questions(FOLDER), *told.ones]
    texts += [ask.replace("{question}", "") for ask in told.ask]
    for advice in told.advice:
        texts += [text.replace("{one}", "") for text in (advice.question, *advice.good, *advice.bad)]
    assert {word for text in texts for word in _words(text)} <= known


def test_good_and_bad_replies_have_nothing_in_common() -> None:
    for advice in read_model(FOLDER / "advice.yml", Narrow).advice:
        assert not set(advice.good) & set(advice.bad)


def test_open_questions_are_of_other_things(tmp_path: Path) -> None:
    subjects = {"sick", "medicine", "doctor", "powder", "herbs", "heal"}
    assert len(open_questions(FOLDER)) == len(set(open_questions(FOLDER))) >= 8
    assert not [question for question in open_questions(FOLDER) if _words(question) & subjects]
