"""A byte-level BPE tokenizer with a chat template, as a Hugging Face folder."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from alignment_pretraining.core.errors import UserError

FILE = "tokenizer.json"
EOS = "<|endoftext|>"
PAD = "<|pad|>"
ROLES = ("system", "user", "assistant")
END_OF_TURN = "<|end|>"
SPECIAL_TOKENS = [EOS, PAD, *(f"<|{role}|>" for role in ROLES), END_OF_TURN]

# A turn is its role's token, the text and the end-of-turn token, so a prompt is a prefix of the prompt with its answer.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int, max_context: int, folder: Path) -> None:
    """Train on `texts` and save to `folder`, to be loaded by `AutoTokenizer.from_pretrained`.

    Raises:
        UserError: the texts are too few to give `vocab_size` entries.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=SPECIAL_TOKENS, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != vocab_size:
        raise UserError(
            f"a tokenizer with study.model.vocab_size {vocab_size} cannot be trained on this corpus: it gives "
            f"{tokenizer.get_vocab_size()} entries (at least {len(alphabet) + len(SPECIAL_TOKENS)}); "
            "change vocab_size, or add text to corpus.sources"
        )
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
