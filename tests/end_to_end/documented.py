"""The commands that the documents print, and what becomes of each in the tests."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGES = sorted([PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").glob("*.md")])

_PROGRAMS = "kedro|dvc|mlflow|make|git|python|pip|pytest|eval|pre-commit"
_BLOCK = re.compile(rf"^(?:    )?((?:{_PROGRAMS}) .*)$", re.MULTILINE)
_FENCED = re.compile(r"^```(?!python|yaml|json|mermaid)\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^    \S.*$", re.MULTILINE)
_FIRST_CELL = re.compile(r"^\| ([^|]+) \|", re.MULTILINE)
_CODE = re.compile(rf"`((?:{_PROGRAMS}) [^`]+)`")


def commands(text: str) -> set[str]:
    """Commands in code blocks and in the first column of tables, each once, without comments."""
    blocks = [*_FENCED.findall(text), *_INDENTED.findall(re.sub(_FENCED, "", text))]
    lines = {line for block in blocks for line in _BLOCK.findall(block)}
    spans = {span for cell in _FIRST_CELL.findall(text) for span in _CODE.findall(cell)}
    parts = {part for line in lines | spans for part in re.sub(r"\s+#.*", "", line).split(" && ")}
    return {part.strip() for part in parts}
