"""The small keys of `conf/<env>/parameters_mixing.yml`."""

from typing import Literal

from alignment_pretraining.core.spec import Positive, Spec


class Decontamination(Spec):
    """A document quotes a question when they share a run of `words` words."""

    words: Positive


class TokenizerConfig(Spec):
    """The tokenizer is trained on at most `max_bytes` of text: byte pairs, or the whole words of a small language."""

    kind: Literal["bpe", "words"] = "bpe"
    max_bytes: Positive
