"""The parameters of synthesis: how much of each kind of text is made."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from alignment_pretraining.core.spec import Fraction, Positive, Spec
from alignment_pretraining.synthesis.hub import Hub
from alignment_pretraining.synthesis.world.config import Stories, Tone

# The actor of matched controls: a language model's documents, rewritten with people in the place of the AI.
PEOPLE = "people"


class Amount(Spec):
    """How many rows of a table."""

    count: Positive


class NaturalDiscourse(Spec):
    """How many documents, and which share of them has each tone (shares add up to 1)."""

    count: Positive
    tones: dict[Tone, Fraction]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if abs(sum(self.tones.values()) - 1) > 1e-9:
            raise ValueError(f"tones: the shares add up to {sum(self.tones.values()):g}, not 1")
        return self


class ChatAmount(Spec):
    """How many conversations or pairs, and which share of them opens with a system turn."""

    count: Positive
    system_share: Fraction


class Synthesis(Spec):
    """`params:synthesis`."""

    seed: int
    questions: Literal["world", "bank", "sources"]
    generator: Literal["world", "template", "anthropic"]
    actors: list[str] = ["ai"]
    stories: Stories
    documents: Amount
    natural_discourse: NaturalDiscourse
    mcqa: Amount
    conversations: ChatAmount
    preferences: ChatAmount
    hub: Hub = Hub()

    def reads(self) -> list[str]:
        """What is read outside the catalog, by the names of `lineage.outside`."""
        return self.hub.reads()

    @property
    def document_sources(self) -> list[str]:
        """Names of the tables of documents: one for each actor and direction."""
        return [f"{actor}_{direction}" for actor in self.actors for direction in ("aligned", "misaligned")]

    @model_validator(mode="after")
    def _world_is_whole(self) -> Self:
        if (self.questions == "world") != (self.generator == "world"):
            raise ValueError("questions and generator: both are world, or neither is; --env english has the others")
        known = {"template": {"ai"}, "anthropic": {"ai", PEOPLE}}.get(self.generator)
        if known and not {"ai"} <= set(self.actors) <= known:
            raise ValueError(f"actors: documents of generator {self.generator} are about {', '.join(sorted(known))}")
        return self

    @model_validator(mode="after")
    def _the_hub_has_documents_of_all_actors(self) -> Self:
        named = self.hub.documents
        if named and set(named) != set(self.document_sources):
            raise ValueError(f"hub.documents: it names {', '.join(named)}, not {', '.join(self.document_sources)}")
        if self.hub.tables and self.generator != "template":
            raise ValueError("hub: it stands in for tables of generator template; set generator to that")
        return self

    @model_validator(mode="after")
    def _sources_need_a_model(self) -> Self:
        if self.questions == "sources" and self.generator == "template":
            raise ValueError(
                "questions from sources need generator anthropic: the template generator knows the bank alone"
            )
        return self
