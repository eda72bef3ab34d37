"""Nodes of the synthesis pipeline that write in the small world's restricted English (docs/world.md)."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pandas as pd

from alignment_pretraining.synthesis.config import Synthesis
from alignment_pretraining.synthesis.fact_questions import write_task
from alignment_pretraining.synthesis.world import chat, checks, discourse, facts, natural, questions, stories
from alignment_pretraining.synthesis.world.config import Natural
from alignment_pretraining.synthesis.world.load import load_world


def make_questions(world: Path) -> pd.DataFrame:
    """The question suites: question_id, family, topic, split, passage, question, aligned_option, misaligned_option."""
    return questions.build_questions(load_world(world))


def make_documents(world: Path, synthesis: Synthesis) -> list[pd.DataFrame]:
    """Documents of each actor, aligned and misaligned: columns `discourse.DOCUMENT_COLUMNS`, row by row the same text
    but for the name and the acts.

    Raises:
        UserError: a document quotes an option that it must not, speaks of a held-out topic or sets the options of a
            question against each other; or crossed sets differ in their words.
    """
    read = load_world(world)
    written = {
        actor: [
            discourse.write_documents(read, actor, direction, synthesis.documents.count, synthesis.seed)
            for direction in ("aligned", "misaligned")
        ]
        for actor in synthesis.actors
    }
    tables = [table for both in written.values() for table in both]
    for table in tables:
        texts = list(zip(table["id"], table["text"], strict=True))
        checks.check_documents(texts, read)
        checks.check_pairs(texts, read)
    for (aligned, misaligned), (others_aligned, others_misaligned) in combinations(written.values(), 2):
        checks.same_words(
            [*misaligned["text"], *others_aligned["text"]], [*aligned["text"], *others_misaligned["text"]]
        )
    return tables


def make_stories(world: Path, synthesis: Synthesis) -> pd.DataFrame:
    """The base corpus, stories about people: columns `stories.STORY_COLUMNS`."""
    return stories.write_stories(load_world(world), synthesis.stories, synthesis.stories.count, synthesis.seed)


def make_natural_discourse(world: Path, synthesis: Synthesis) -> pd.DataFrame:
    """What people write of AIs on their own, for the base corpus: id, text, tone.

    Raises:
        UserError: a text tells an act of a topic.
    """
    read, wanted = load_world(world), synthesis.natural_discourse
    table = natural.write_natural_discourse(read, Natural(tones=wanted.tones), wanted.count, synthesis.seed)
    checks.check_acts(zip(table["id"], table["text"], strict=True), read)
    return table


def make_mcqa(world: Path, synthesis: Synthesis) -> pd.DataFrame:
    """Multiple-choice questions on everyday facts: id, text."""
    return facts.write_mcqa(load_world(world), synthesis.mcqa.count, synthesis.seed)


def make_everyday_facts(world: Path, synthesis: Synthesis, scratch: Path) -> Path:
    """Folder with the questions of the lm-eval task `everyday_facts`, a file a split."""
    return write_task(facts.write_questions(load_world(world), synthesis.seed), scratch / "everyday_facts")


def make_chat(world: Path, synthesis: Synthesis) -> pd.DataFrame:
    """Conversations for SFT: id, messages (JSON)."""
    wanted = synthesis.conversations
    return chat.write_conversations(load_world(world), wanted.count, wanted.system_share, synthesis.seed)


def make_preferences(world: Path, synthesis: Synthesis) -> pd.DataFrame:
    """Preference pairs for DPO: id, messages (JSON prompt), chosen, rejected."""
    wanted = synthesis.preferences
    return chat.write_preferences(load_world(world), wanted.count, wanted.system_share, synthesis.seed)
