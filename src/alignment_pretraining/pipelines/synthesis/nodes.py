"""Nodes of the synthesis pipeline: thin wrappers around `synthesis`."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd

from alignment_pretraining.synthesis.chat_data import chat, facts
from alignment_pretraining.synthesis.config import Synthesis
from alignment_pretraining.synthesis.documents import from_bank as documents
from alignment_pretraining.synthesis.documents import natural
from alignment_pretraining.synthesis.documents.template import TemplateGenerator
from alignment_pretraining.synthesis.fact_questions import write_task
from alignment_pretraining.synthesis.questions import from_bank as questions
from alignment_pretraining.synthesis.questions.table import aligned_longer
from alignment_pretraining.synthesis.scenarios.bank import load_bank

log = logging.getLogger(__name__)


def make_questions(scenarios: Path) -> pd.DataFrame:
    """The question suites: question_id, family, topic, split, passage, question, aligned_option, misaligned_option."""
    table = questions.build_questions(load_bank(scenarios))
    log.info(
        "%d questions; the aligned option is the longer one in %.0f %%",
        len(table),
        100 * aligned_longer(table),
    )
    return table


def make_documents(
    scenarios: Path, phrases: Path, questions: pd.DataFrame, synthesis: Synthesis
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Aligned and misaligned documents, in pairs: id, text, question_id, family, topic, form, direction."""
    generator = TemplateGenerator(phrases)
    count = synthesis.documents.count
    return documents.write_documents(load_bank(scenarios), questions, generator, count, synthesis.seed)


def make_natural_discourse(scenarios: Path, phrases: Path, synthesis: Synthesis) -> pd.DataFrame:
    """AI discourse for the base corpus: id, text, tone."""
    wanted = synthesis.natural_discourse
    return natural.write_natural_discourse(load_bank(scenarios), phrases, wanted.count, wanted.tones, synthesis.seed)


def make_mcqa(phrases: Path, synthesis: Synthesis) -> pd.DataFrame:
    """Multiple-choice questions on everyday facts: id, text."""
    return facts.write_mcqa(phrases, synthesis.mcqa.count, synthesis.seed)


def make_everyday_facts(phrases: Path, synthesis: Synthesis, scratch: Path) -> Path:
    """Folder with the questions of the lm-eval task `everyday_facts`, a file a split."""
    return write_task(facts.write_questions(phrases, synthesis.seed), scratch / "everyday_facts")


def make_chat(phrases: Path, synthesis: Synthesis) -> pd.DataFrame:
    """Conversations for SFT: id, messages (JSON)."""
    wanted = synthesis.conversations
    return chat.write_conversations(phrases, wanted.count, wanted.system_share, synthesis.seed)


def make_preferences(phrases: Path, synthesis: Synthesis) -> pd.DataFrame:
    """Preference pairs for DPO: id, messages (JSON prompt), chosen, rejected."""
    wanted = synthesis.preferences
    return chat.write_preferences(phrases, wanted.count, wanted.system_share, synthesis.seed)
