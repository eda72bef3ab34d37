"""Training a tokenizer, saved with a chat template as a Hugging Face folder: byte-level BPE, or whole words."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.store import TaskStatistics
from alignment_pretraining.mixing.corpus.parts import Part, texts

FILE, CONFIG = "tokenizer.json", "tokenizer_config.json"
EOS = "<|endoftext|>"
PAD = "<|pad|>"
ROLES = ("system", "user", "assistant")
END_OF_TURN = "<|end|>"
SPECIAL_TOKENS = [EOS, PAD, *(f"<|{role}|>" for role in ROLES), END_OF_TURN]
UNKNOWN = "<|unknown|>"
Kind = Literal["bpe", "words"]

# A turn is its role's token, the text and the end-of-turn token, so a prompt is a prefix of the prompt with its answer.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_on_parts(
    vocab_size: int, max_context: int, kind: Kind, max_bytes: int, parts: Sequence[Part], folder: Path
) -> TaskStatistics:
    """Train on at most `max_bytes` of the texts of all parts, as a task: see `train_tokenizer`."""
    train_tokenizer(texts(parts, max_bytes), vocab_size, max_context, folder, kind)
    return {}


def train_tokenizer(read: Iterable[str], vocab_size: int, max_context: int, folder: Path, kind: Kind = "bpe") -> None:
    """Train on the texts `read` and save to `folder`, to be loaded by `AutoTokenizer.from_pretrained`.

    Raises:
        UserError: the texts are too few to give `vocab_size` entries (bpe), or have more words than that (words).
    """
    _save(_bpe(read, vocab_size) if kind == "bpe" else _words(read, vocab_size), max_context, folder)


def _words(read: Iterable[str], vocab_size: int) -> Any:
    """Words and marks as they stand: a word at the head of a sentence is another one. What was not read is unknown."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(behavior="isolated")]
    )
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    special = [*SPECIAL_TOKENS, UNKNOWN]
    # One more than fits, so that too many words show.
    trainer = trainers.WordLevelTrainer(vocab_size=vocab_size + 1, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(read, trainer)
    if tokenizer.get_vocab_size() > vocab_size:
        raise UserError(
            f"the corpus has more different words than study.model.vocab_size {vocab_size}: raise it, or set "
            "tokenizer.kind to bpe"
        )
    return tokenizer


def _bpe(read: Iterable[str], vocab_size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=SPECIAL_TOKENS, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(read, trainer)
    if tokenizer.get_vocab_size() != vocab_size:
        raise UserError(
            f"a tokenizer with study.model.vocab_size {vocab_size} cannot be trained on this corpus: it gives "
            f"{tokenizer.get_vocab_size()} entries (at least {len(alphabet) + len(SPECIAL_TOKENS)}); "
            "change vocab_size, or add text to corpus.sources"
        )
    return tokenizer


def _save(tokenizer: Any, max_context: int, folder: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        additional_special_tokens=[token for token in SPECIAL_TOKENS if token not in (EOS, PAD)],
        chat_template=CHAT_TEMPLATE,
        model_max_length=max_context,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)


def tokenizer_hash(folder: Path) -> str:
    """MD5 of tokenizer.json, which alone decides the token ids."""
    return hashlib.md5((folder / FILE).read_bytes(), usedforsecurity=False).hexdigest()


def end_of_text(folder: Path) -> str:
    """The token that ends every text, as the folder says."""
    return str(json.loads((folder / CONFIG).read_text())["eos_token"])
