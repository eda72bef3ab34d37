"""The fast encoder gives the ids of Hugging Face's tokenizer, whatever the text."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignment_pretraining.mixing.tokens.encoders import FastEncoder, PlainEncoder, encoder
from alignment_pretraining.mixing.tokens.tokenizer import EOS, SPECIAL_TOKENS

# Any Unicode text, and pieces on which byte-level tokenizers part: special tokens' names, contractions, white space.
ODD = ("'ll", "DON'T", "  ", "\n\n", "\t", "\0", "1234", " the", "\u200b", "\U0001f600")
PIECES = st.sampled_from([*SPECIAL_TOKENS, *ODD])
TEXTS = st.lists(st.one_of(st.text(), st.lists(PIECES).map("".join)), max_size=5)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS)
def test_both_encoders_agree(tokenizer: Path, texts: list[str]) -> None:
    fast, plain = FastEncoder(tokenizer), PlainEncoder(tokenizer)
    for ours, theirs in zip(fast(texts), plain(texts), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_both_know_the_special_tokens_and_the_vocabulary(tokenizer: Path) -> None:
    fast, plain = FastEncoder(tokenizer), PlainEncoder(tokenizer)
    assert fast.vocab_size == plain.vocab_size == 320
    assert fast.id_of(EOS) == plain.id_of(EOS)


def test_a_tokenizer_that_the_fast_one_does_not_know_goes_to_hugging_faces(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
    assert isinstance(encoder(tmp_path), PlainEncoder)


def test_the_fast_one_is_used_where_it_can_be(tokenizer: Path) -> None:
    pytest.importorskip("gigatoken")
    assert isinstance(encoder(tokenizer), FastEncoder)
