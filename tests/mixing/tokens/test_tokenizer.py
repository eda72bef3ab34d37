from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.tokens.tokenizer import SPECIAL_TOKENS, tokenizer_hash, train_tokenizer


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
