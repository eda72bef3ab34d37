"""What the sources of a study hold, or will make."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from alignment_pretraining.mixing.corpus.config import Files, Source, StoriesSource
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.preflight.amounts import Amount
from alignment_pretraining.planning.preflight.text import Tokenizing
from alignment_pretraining.synthesis.documents.generator import FORMS

# Texts that are made to see how long they are.
_SAMPLE = 100
_PLAIN = (".jsonl",)


@dataclass(frozen=True)
class Supply:
    """What `parameters` give, in tokens of the study's tokenizer; `load` gives the folders that generators draw on."""

    parameters: Parameters
    load: Callable[[str], Any]

    @property
    def tokenizing(self) -> Tokenizing:
        """The study's tokenizer."""
        return Tokenizing(self.parameters.tokenizer.kind == "words", self.parameters.study.model.vocab_size)

    def documents(self, source: str) -> Amount:
        """Tokens of the documents of an actor and direction."""
        synthesis, config = self.parameters.synthesis, self.parameters.anthropic
        if source in synthesis.hub.documents:
            return self._named(source)
        if synthesis.generator == "anthropic":
            if synthesis.questions != "bank":
                return Amount(None, "questions are still to be written")
            each = sum(call.expected_tokens for call in config.documents.forms.values()) / len(FORMS)
            count = self._bank_articles * config.documents.samples * len(FORMS)
            if not source.startswith("ai_"):
                count = round(count * config.controls.share)
            return self._made(count, each, "expected of the model")
        return self._made(synthesis.documents.count, self.tokenizing.mean(self._sample_documents), "a sample")

    def mcqa(self) -> Amount:
        """Tokens of the multiple-choice questions."""
        synthesis = self.parameters.synthesis
        if synthesis.hub.mcqa:
            return self._named("mcqa")
        return self._made(synthesis.mcqa.count, self.tokenizing.mean(self._sample_mcqa), "a sample")

    def rows(self, table: str) -> Amount:
        """Rows of `conversations` or `preferences`."""
        synthesis = self.parameters.synthesis
        count: int = getattr(synthesis, table).count
        if not getattr(synthesis.hub, table):
            return Amount(count, f"synthesis.{table}.count")
        held = self.parameters.preflight.holds.get(table)
        if held is None:
            return Amount(None, "read by name; preflight.holds may tell")
        return Amount(min(held, count), f"the smaller of synthesis.{table}.count and preflight.holds.{table}")

    def pool(self, name: str | None) -> Amount:
        """Tokens of a pool of the corpus, of all where there is no name; those held out are not in it."""
        corpus, holds = self.parameters.corpus, self.parameters.preflight.holds
        sources = [source for source in corpus.sources if name in (None, source.pool)]
        pools = {source.pool for source in sources}
        if pools and pools <= holds.keys():
            told = ", ".join(f"preflight.holds.{pool}" for pool in sorted(pools))
            return Amount(sum(holds[pool] for pool in pools) * (1 - corpus.heldout_share), told, estimate=True)
        parts = [self._source(source) for source in sources]
        counts = [part.count for part in parts if part.count is not None]
        if len(counts) < len(parts) or not parts:
            return Amount(None, "; ".join(part.how for part in parts if part.count is None))
        total = sum(counts) * (1 - corpus.heldout_share)
        return Amount(total, "; ".join(dict.fromkeys(part.how for part in parts)), estimate=True)

    def _source(self, source: Source) -> Amount:
        if isinstance(source, StoriesSource):
            count = self.parameters.synthesis.stories.count
            return self._made(count, self.tokenizing.mean(self._sample_stories), "a sample")
        size = self.tokenizing.bytes_per_token
        if source.max_bytes:
            return Amount(source.max_bytes / size, f"{source.label}: at most max_bytes", estimate=True)
        if isinstance(source, Files) and "://" not in source.files:
            files = sorted(Path().glob(source.files)) if not Path(source.files).is_absolute() else [Path(source.files)]
            if files and all(file.suffix in _PLAIN and file.is_file() for file in files):
                total = sum(file.stat().st_size for file in files)
                return Amount(total / size, f"{source.label}: at most its bytes", estimate=True)
        return Amount(None, f"{source.label}: not read yet")

    def _named(self, name: str) -> Amount:
        held = self.parameters.preflight.holds.get(name)
        if held is None:
            return Amount(None, f"read by name; preflight.holds.{name} may tell")
        return Amount(held, f"preflight.holds.{name}", estimate=True)

    def _made(self, count: int, each: float, how: str) -> Amount:
        return Amount(count * each, f"{count:,} of about {each:,.0f} tokens, {how}", estimate=True)

    @cached_property
    def _bank_articles(self) -> int:
        return int((self._bank_questions["split"] == "articles").sum())

    @cached_property
    def _bank_questions(self) -> Any:
        from alignment_pretraining.synthesis.questions.from_bank import build_questions

        return build_questions(self._bank)

    @cached_property
    def _bank(self) -> Any:
        from alignment_pretraining.synthesis.scenarios.bank import load_bank

        return load_bank(self.load("scenarios"))

    @cached_property
    def _world(self) -> Any:
        from alignment_pretraining.synthesis.world.load import load_world

        return load_world(self.load("world"))

    @cached_property
    def _sample_documents(self) -> list[str]:
        seed = self.parameters.synthesis.seed
        if self.parameters.synthesis.generator == "world":
            from alignment_pretraining.synthesis.world.discourse import write_documents as write_in_the_world

            return list(write_in_the_world(self._world, "ai", "aligned", _SAMPLE, seed)["text"])
        from alignment_pretraining.synthesis.documents.from_bank import write_documents
        from alignment_pretraining.synthesis.documents.template import TemplateGenerator

        generator = TemplateGenerator(self.load("phrases"))
        return list(write_documents(self._bank, self._bank_questions, generator, _SAMPLE, seed)[0]["text"])

    @cached_property
    def _sample_mcqa(self) -> list[str]:
        from alignment_pretraining.synthesis.chat_data import facts
        from alignment_pretraining.synthesis.world import facts as world_facts

        seed = self.parameters.synthesis.seed
        if self.parameters.synthesis.generator == "world":
            return list(world_facts.write_mcqa(self._world, _SAMPLE, seed)["text"])
        return list(facts.write_mcqa(self.load("phrases"), _SAMPLE, seed)["text"])

    @cached_property
    def _sample_stories(self) -> list[str]:
        from alignment_pretraining.synthesis.world.stories import write_stories

        synthesis = self.parameters.synthesis
        return list(write_stories(self._world, synthesis.stories, _SAMPLE, synthesis.seed)["text"])
