"""The small keys of `conf/<env>/parameters_mixing.yml`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from alignment_pretraining.core.spec import Positive, Spec

# Whether the tokens of a stream are written out, or where they are in the shards of their sources.
Streams = Literal["written", "planned"]


class Decontamination(Spec):
    """A document quotes a question when they share a run of `words` words."""

    words: Positive


class TokenizerConfig(Spec):
    """The tokenizer is trained on at most `max_bytes` of text: byte pairs, or the whole words of a small language.

    Or it is an `existing` one: `name` is a folder, a `tokenizer.json`, or a repository of the Hugging Face hub, of
    which `revision` is a branch, tag or commit.
    """

    kind: Literal["bpe", "words", "existing"] = "bpe"
    max_bytes: Positive
    name: str | None = None
    revision: str | None = None

    @model_validator(mode="after")
    def _named_if_it_exists(self) -> Self:
        if (self.kind == "existing") != (self.name is not None) or (self.revision and not self.name):
            raise ValueError("kind existing and name belong together, and a revision is one of name")
        return self

    def reads(self) -> list[str]:
        """What it reads outside the catalog, by the names of `lineage.outside`."""
        if self.name is None:
            return []
        return [f"files:{self.name}" if Path(self.name).exists() else f"model:{self.name}@{self.revision or 'main'}"]
