"""The names of the tasks beside this file, and how the replies to one of them are read. Alone on purpose: lm-eval loads
it from the task's file."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TASKS = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.yaml")))


def popqa(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """lm-eval's `process_results`: whether the reply holds one of the right answers (arXiv 2212.10511, section 3)."""
    reply = _plain(results[0])
    return {"contains": float(any(_plain(answer) in reply for answer in json.loads(doc["possible_answers"])))}


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()
