"""Texts packed as trees, and what is asked in a tokenizer's ids, without a model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.asked import Asked, ask, encode
from alignment_pretraining.evaluation.forward import Packed, Tree, grow_trees, pack
from alignment_pretraining.evaluation.ngram import NONE, windows
from alignment_pretraining.evaluation.suite import write_suite
from tests.evaluation.small_models import save_tokenizer
from tests.evaluation.test_choosing import questions
from tests.evaluation.test_config import evaluation

ids = st.lists(st.integers(0, 2), min_size=1, max_size=5)


def path_to(tree: Tree, place: int) -> list[int]:
    """The ids from the first token of a text to the one at `place`."""
    path = []
    while place >= 0:
        path.append(tree.ids[place])
        place = tree.parents[place]
    return path[::-1]


@settings(max_examples=50)
@given(st.lists(st.tuples(ids, ids, ids), min_size=1, max_size=40))
def test_every_token_of_every_option_is_predicted_from_its_own_text(told: list[tuple[list[int], ...]]) -> None:
    packed = [
        one for n, (context, *tails) in enumerate(told) for one in pack(n, context, [context + tail for tail in tails])
    ]
    trees = grow_trees(packed)
    assert [len(tree) for tree in trees] == sorted(map(len, trees), reverse=True)
    found: dict[tuple[int, int], list[tuple[list[int], int]]] = {}
    for tree in trees:
        assert len(tree) <= 128 or len(trees) == 1
        for place, target, owner in tree.scored:
            found.setdefault(owner, []).append((path_to(tree, place), target))
    for number, (context, *tails) in enumerate(told):
        for place, tail in enumerate(tails):
            expected = [(context + tail[:n], tail[n]) for n in range(len(tail))]
            assert found[number, place] == expected


@settings(max_examples=50)
@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=8), st.integers(0, 3))
def test_a_token_sees_its_own_text_up_to_itself_and_stands_where_it_stood(
    told: list[tuple[list[int], ...]], padding: int
) -> None:
    [tree] = grow_trees([one for n, (context, tail) in enumerate(told) for one in pack(n, context, [context + tail])])
    length = len(tree) + padding
    sees = tree.sees(length)
    for place in range(len(tree)):
        seen = np.flatnonzero(sees[place]).tolist()
        assert [tree.ids[one] for one in seen] == path_to(tree, place)
        assert tree.depths[place] == len(seen) - 1
    assert (sees[len(tree) :] == np.eye(length, dtype=bool)[len(tree) :]).all()
    assert not sees[: len(tree), len(tree) :].any()


@settings(max_examples=50)
@given(st.lists(ids, min_size=1, max_size=6))
def test_what_texts_share_is_computed_once(texts: list[list[int]]) -> None:
    packed = [one for n, text in enumerate(texts) for one in pack(n, [9], [[9, *text, 8]])]
    trees = grow_trees(packed)
    beginnings = {tuple(text[:n]) for text in texts for n in range(len(text) + 1)}
    assert sum(map(len, trees)) == len(beginnings)


def test_options_whose_prompt_was_merged_otherwise_are_packed_apart() -> None:
    assert pack(3, [1, 2], [[1, 2, 3], [1, 2, 4, 5]]) == [Packed(3, (1, 2), ((3,), (4, 5)), (0, 1))]
    assert pack(3, [1, 2], [[1, 9, 3], [1, 2, 4]]) == [
        Packed(3, (1, 9), ((3,),), (0,)),
        Packed(3, (1, 2), ((4,),), (1,)),
    ]


@given(st.lists(st.integers(0, 9), max_size=6), st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(1, 4))
def test_a_window_ends_with_each_token_and_reaches_back_into_the_context(
    context: list[int], tokens: list[int], order: int
) -> None:
    found = windows(tuple(context), tuple(tokens), order)
    text = [NONE] * order + context + tokens
    assert found.shape == (len(tokens), order)
    for number, window in enumerate(found.tolist()):
        end = order + len(context) + number + 1
        assert window == text[end - order : end]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return save_tokenizer(tmp_path_factory.mktemp("tokenizer"), chat=True)


def asked(folder: Path, tokenizer: Any, **changes: Any) -> Asked:
    told = evaluation(items={"articles": None}, templates=["listed"])
    write_suite(questions([2]).assign(**changes), told, folder)
    return ask(folder, told, tokenizer)


def test_the_same_questions_are_encoded_once_and_others_anew(tmp_path: Path, tokenizer: Any) -> None:
    first = asked(tmp_path / "one", tokenizer)
    assert asked(tmp_path / "two", tokenizer) is first
    other = asked(tmp_path / "one", tokenizer, passage="Another case.", question="And now?")
    assert other is not first and other.prompts[0].text != first.prompts[0].text


def test_tokens_of_each_option_are_counted(tmp_path: Path, tokenizer: Any) -> None:
    found = asked(tmp_path, tokenizer, aligned_option="tell them all of it", misaligned_option="hide")
    for prompt, counts in zip(found.prompts, found.counts, strict=True):
        whole = len(tokenizer(prompt.text, add_special_tokens=False)["input_ids"])
        for option, count in zip(prompt.options, counts, strict=True):
            assert count == len(tokenizer(prompt.text + option, add_special_tokens=False)["input_ids"]) - whole > 0


def test_a_prompt_fits_the_context_to_the_last_token(tmp_path: Path, tokenizer: Any) -> None:
    found = asked(tmp_path, tokenizer)
    longest = max(len(one.context) + max(map(len, one.options)) for one in found.sequences)
    found.check_length(longest)
    with pytest.raises(UserError, match=rf"question 'articles\.0\.\d' in template listed is {longest} tokens long"):
        found.check_length(longest - 1)


def test_an_option_without_a_token_is_named(tmp_path: Path, tokenizer: Any) -> None:
    [first, *_] = asked(tmp_path, tokenizer).prompts
    for options in (("", " b"), (" a", "")):
        empty = [type(first)(**vars(first) | {"options": options})]
        with pytest.raises(UserError, match=r"question 'articles\.0\.\d' has an option without a token of its own"):
            encode(empty, tokenizer, chat=False)
