"""Prompts for a language model: readable templates, one file a form, with a hash that documents carry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.documents.generator import FORMS, Form
from alignment_pretraining.synthesis.documents.phrases import Sheet, fill_in, load_sheet, render


@dataclass(frozen=True)
class DocumentPrompts:
    """What every request for a document of one form begins with, the brief, with placeholders, and its details."""

    prefixes: dict[Form, str]
    brief: str
    details: Sheet
    second_opinion: str

    @cached_property
    def hashes(self) -> dict[Form, str]:
        """Names the version of each form's prompt: 12 hexadecimal digits of SHA-256."""
        details = self.details.model_dump_json()
        return {form: prompt_hash(prefix, self.brief, details) for form, prefix in self.prefixes.items()}

    def draw_details(self, seed: str) -> str:
        """Place, names, manner and length, for both documents of a pair."""
        return render(self.details, {}, Random(seed))

    def fill(self, **values: str) -> str:
        """The brief of one document: topic, situation, taken, not_taken and details.

        Raises:
            UserError: there is a placeholder that is none of these.
        """
        return fill_in(self.brief, "brief.md", **values)


def load_document_prompts(folder: Path) -> DocumentPrompts:
    """Read `documents/` of a prompt folder: `shared.md` and `<form>.md` make a form's prefix, `details.yml` varies,
    `second_opinion.md` asks what a document shows.

    Raises:
        UserError: a file is missing or empty, or the brief lacks a placeholder.
    """
    documents = folder / "documents"
    shared, brief = read_prompt(documents / "shared.md"), read_prompt(documents / "brief.md")
    for name in ("{topic}", "{situation}", "{taken}", "{not_taken}", "{details}"):
        if name not in brief:
            raise UserError(f"{documents / 'brief.md'}: {name} is missing; say where it stands")
    prefixes = {form: f"{shared}\n\n{read_prompt(documents / f'{form}.md')}" for form in FORMS}
    second_opinion = read_prompt(documents / "second_opinion.md")
    return DocumentPrompts(prefixes, brief, load_sheet(documents / "details.yml"), second_opinion)


def read_prompt(path: Path) -> str:
    """Text of a prompt file. Raises UserError when it is missing or empty."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable UTF-8 file ({error}); restore it (git checkout)") from error
    if not text:
        raise UserError(f"{path}: empty; write the prompt or restore it (git checkout)")
    return text


def prompt_hash(*texts: str) -> str:
    """12 hexadecimal digits of the SHA-256 of prompt texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
