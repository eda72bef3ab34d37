import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.tokens.tokenizer import SPECIAL_TOKENS, end_of_text, tokenizer_hash, train_tokenizer


@pytest.fixture(scope="module")
def loaded(tokenizer: Path) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tokenizer)


def test_it_loads_from_its_folder_with_exactly_the_configured_vocabulary(loaded: PreTrainedTokenizerBase) -> None:
    assert len(loaded) == loaded.vocab_size == 320
    assert (loaded.eos_token, loaded.pad_token, loaded.bos_token) == ("<|endoftext|>", "<|pad|>", None)
    assert loaded.convert_tokens_to_ids(SPECIAL_TOKENS) == list(range(len(SPECIAL_TOKENS)))


def test_any_text_comes_back_and_nothing_is_added(loaded: PreTrainedTokenizerBase, texts: list[str]) -> None:
    for text in [*texts, " \t\x00\u4e2d\u0301"]:
        ids = loaded(text)["input_ids"]
        assert ids == loaded(text, add_special_tokens=False)["input_ids"]
        assert loaded.decode(ids) == text


def test_the_chat_template_marks_every_turn_and_a_prompt_is_a_prefix(loaded: PreTrainedTokenizerBase) -> None:
    turns = [{"role": role, "content": role[0]} for role in ("system", "user", "assistant")]
    whole = loaded.apply_chat_template(turns, tokenize=False)
    assert whole == "<|system|>s<|end|><|user|>u<|end|><|assistant|>a<|end|>"
    prompt = loaded.apply_chat_template(turns[:2], tokenize=False, add_generation_prompt=True)
    assert prompt == "<|system|>s<|end|><|user|>u<|end|><|assistant|>"
    ids: Any = loaded.apply_chat_template(turns, return_dict=False)
    assert sum(token < len(SPECIAL_TOKENS) for token in ids) == 6


def test_training_twice_gives_the_same_file(tokenizer: Path, texts: list[str], tmp_path: Path) -> None:
    train_tokenizer(texts, 320, 64, tmp_path)
    assert tokenizer_hash(tmp_path) == tokenizer_hash(tokenizer)


@pytest.mark.parametrize("size", [100, 5000])
def test_a_vocabulary_that_cannot_be_had_is_an_error(size: int, texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"vocab_size {size} cannot be trained on this corpus: it gives \d+ entries"):
        train_tokenizer(texts, size, 64, tmp_path)


WORDY = ["The cat sat. The dog, the cat!", "A dog ran; it sat."]


def test_whole_words_and_marks_come_back_and_others_are_unknown(tmp_path: Path) -> None:
    """A word at the head of a sentence is another one than within it."""
    from transformers import AutoTokenizer

    train_tokenizer(WORDY, 100, 64, tmp_path, "words")
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    tokens = loaded.tokenize("The cat, the bird!")
    assert tokens == ["The", "cat", ",", "the", "<|unknown|>", "!"]
    assert len({loaded.convert_tokens_to_ids(word) for word in ("The", "the")}) == 2
    assert loaded.decode(loaded("The cat sat.")["input_ids"]) == "The cat sat."


def test_as_many_words_as_fit_are_an_error_only_when_there_is_one_more(tmp_path: Path) -> None:
    words = {"The", "cat", "sat", ".", "dog", ",", "the", "!", "A", "ran", ";", "it"}
    fitting = len(words) + len(SPECIAL_TOKENS) + 1
    train_tokenizer(WORDY, fitting, 64, tmp_path, "words")
    with pytest.raises(UserError, match=rf"more different words than study\.model\.vocab_size {fitting - 1}: raise it"):
        train_tokenizer(WORDY, fitting - 1, 64, tmp_path, "words")


def test_the_hash_is_of_the_ids_alone_and_the_folder_says_what_ends_a_text(tokenizer: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tokenizer, tmp_path / "copy"))
    config = json.loads((copy / "tokenizer_config.json").read_text())
    (copy / "tokenizer_config.json").write_text(json.dumps(config | {"eos_token": "<|end|>"}))
    assert tokenizer_hash(copy) == tokenizer_hash(tokenizer)
    assert (end_of_text(tokenizer), end_of_text(copy)) == ("<|endoftext|>", "<|end|>")
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text() + "\n")
    assert tokenizer_hash(copy) != tokenizer_hash(tokenizer)
