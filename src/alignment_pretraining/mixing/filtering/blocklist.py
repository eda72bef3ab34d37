"""The blocklist as data: nine categories of terms (paper.md, §3), read from `conf/<env>/blocklist.yml`.

A document is flagged by any one term of an `instant` category, or by the two-stage rule: a term of an `entity` category
and a term of a `modifier` category anywhere in it.
"""

from collections.abc import Collection
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, RootModel, model_validator

from alignment_pretraining.core.spec import Spec

# Words of ASCII signs, parted by a space or a hyphen; in texts an underscore parts words, too.
Term = Annotated[str, Field(pattern=r"^[\x21-,.-^`-\x7e]+([ -][\x21-,.-^`-\x7e]+)*$")]


class Category(Spec):
    """Terms of one kind: plain ASCII phrases, every inflection listed. A space also matches hyphens and line ends."""

    doc: str
    mode: Literal["instant", "entity", "modifier"]
    terms: list[Term] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        lower = [term.lower() for term in self.terms]
        repeated = sorted({term for term in lower if lower.count(term) > 1})
        if repeated:
            raise ValueError(f"terms listed twice: {', '.join(repeated)}")
        return self


class Decision(NamedTuple):
    """Whether a document is flagged, and by which categories and terms; both are empty when it is not."""

    flagged: bool
    categories: tuple[str, ...]
    terms: tuple[str, ...]


class Blocklist(RootModel[Annotated[dict[str, Category], Field(min_length=1)]]):
    """Categories by name. Terms are numbered in the order of the file."""

    @cached_property
    def terms(self) -> list[tuple[str, str]]:
        """(category, term) of every number."""
        return [(name, term) for name, category in self.root.items() for term in category.terms]

    def decide(self, found: Collection[int]) -> Decision:
        """Apply the instant and two-stage rules to the numbers of the terms found in one document."""
        modes = {self._modes[number] for number in found}
        if "instant" not in modes and not modes >= _TWO_STAGES:
            return KEPT
        counting = modes if modes >= _TWO_STAGES else {"instant"}
        used = [self.terms[number] for number in sorted(found) if self._modes[number] in counting]
        return Decision(True, tuple(dict.fromkeys(n for n, _ in used)), tuple(dict.fromkeys(t for _, t in used)))

    @cached_property
    def _modes(self) -> list[str]:
        return [self.root[name].mode for name, _ in self.terms]


_TWO_STAGES = {"entity", "modifier"}
KEPT = Decision(False, (), ())
