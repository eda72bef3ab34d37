"""A user's own texts: text, Markdown, HTML, PDF and JSONL, in one folder for each split."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import files_below
from alignment_pretraining.synthesis.scenarios.bank import SPLITS

_LICENCE = "LICENSE"
_UNREAD_TAGS = ("script", "style", "head", "nav", "footer")
_BREAKING_TAGS = ("p", "div", "li", "br", "h1", "h2", "h3", "h4", "tr", "blockquote", "section", "article")


@dataclass(frozen=True)
class SourceText:
    """A part of one text. `name` is that of the text: what is asked about it belongs together. `file` is its path below
    the folder of sources."""

    name: str
    part: int
    split: str
    text: str
    file: str
    licence: str


def read_sources(folder: Path, max_characters: int) -> list[SourceText]:
    """Every text under `folder/<split>`, in parts of at most `max_characters`, cut between paragraphs where possible.

    Raises:
        UserError: no text is found, a file stands elsewhere or cannot be read, or two texts share a name.
    """
    sources: list[SourceText] = []
    owner: dict[str, Path] = {}
    files = [path for path in files_below(folder) if path.is_file() and not path.name.startswith(".")]
    for path in sorted(path for path in files if path.name != _LICENCE):
        split = path.relative_to(folder).parts[0]
        if split not in SPLITS:
            raise UserError(f"{path}: put it into a folder named after its split: {', '.join(SPLITS)}")
        file, licence = path.relative_to(folder).as_posix(), _licence(path, folder)
        for name, text in _texts(path):
            if name in owner:
                raise UserError(f"{path}: a text named {name} is also in {owner[name]}; rename one")
            owner[name] = path
            cut = enumerate(_parts(text, max_characters))
            sources += [SourceText(name, part, split, words, file, licence) for part, words in cut]
    if not sources:
        raise UserError(f"{folder}: no text here; put articles into {folder}/articles")
    return sources


def _licence(path: Path, folder: Path) -> str:
    """The first line of the nearest file LICENSE beside or above a text, up to the folder of sources."""
    for parent in path.parents:
        if (file := parent / _LICENCE).is_file():
            return next(iter(_utf8(file).strip().splitlines()), "unknown")
        if parent == folder:
            break
    return "unknown"


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every text in a file."""
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "text"
    kind = path.suffix.lower()
    if kind == ".pdf":
        yield name, _pdf(path)
    elif kind == ".jsonl":
        # Not `splitlines`: a line separator of Unicode may stand in a text.
        for number, line in enumerate(_utf8(path).split("\n"), start=1):
            if line.strip():
                yield f"{name}_{number}", _json_text(path, number, line)
    elif kind in (".html", ".htm"):
        yield name, _html(_utf8(path))
    elif kind in (".txt", ".md"):
        yield name, _utf8(path)
    else:
        raise UserError(f"{path}: cannot be read; give .txt, .md, .html, .pdf or .jsonl (with a text in each row)")


def _utf8(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error


def _json_text(path: Path, number: int, line: str) -> str:
    try:
        text = json.loads(line)["text"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f'{path}, row {number}: not of the form {{"text": "…"}}; correct or remove it') from error
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{path}, row {number}: text is empty or no string; correct or remove the row")
    return text


def _pdf(path: Path) -> str:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        return "\n\n".join(page.extract_text() for page in PdfReader(path).pages)
    except (PyPdfError, ValueError, OSError) as error:
        raise UserError(f"{path}: not a readable PDF ({error}); give its text as .txt") from error


class _Reader(HTMLParser):
    """Collects the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # The end of a head may be left out.
        self._unread = 0 if tag == "body" else self._unread + (tag in _UNREAD_TAGS)
        if tag in _BREAKING_TAGS:
            self.words.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        self._unread = max(0, self._unread - (tag in _UNREAD_TAGS))

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.words.append(re.sub(r"\s+", " ", data))


def _html(page: str) -> str:
    reader = _Reader()
    reader.feed(page)
    return "".join(reader.words)


def _parts(text: str, limit: int) -> list[str]:
    """Paragraphs joined as long as they fit; a longer paragraph is cut."""
    parts: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        for start in range(0, len(paragraph.strip()), limit):
            piece = paragraph.strip()[start : start + limit]
            if parts and len(parts[-1]) + len(piece) + 2 <= limit:
                parts[-1] += f"\n\n{piece}"
            else:
                parts.append(piece)
    return parts
