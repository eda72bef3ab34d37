"""The style of every page of the report."""

from pathlib import Path


def stylesheet() -> str:
    """CSS, to be written into a page."""
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")
