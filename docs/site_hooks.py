"""How the site is made: the README is its home page, and files outside docs/ are named, not linked."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the home page."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = _LINK.sub(lambda link: _of_the_readme(link[1], link[2]), text)
    files.append(File.generated(config, "index.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links of the pages that lead out of docs/."""
    return _LINK.sub(lambda link: _of_a_page(link[1], link[2]), markdown)


def _of_the_readme(label: str, target: str) -> str:
    if target.startswith(("http:", "https:", "#")):
        return f"{label}({target})"
    return f"{label}({target.removeprefix('docs/')})" if target.startswith("docs/") else f"{label[1:-1]} (`{target}`)"


def _of_a_page(label: str, target: str) -> str:
    if not target.startswith("../"):
        return f"{label}({target})"
    return f"{label}(index.md)" if target == "../README.md" else f"{label[1:-1]} (`{target.removeprefix('../')}`)"
