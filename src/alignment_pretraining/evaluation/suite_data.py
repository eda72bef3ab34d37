"""Data of the tasks beside this file, found wherever the folder lies (lm-eval's `custom_dataset`)."""

import json
from pathlib import Path
from typing import Any


def load(split: str, **_: Any) -> dict[str, Any]:
    """Questions of one split, read into memory without a cache; lm-eval passes the task's other metadata along."""
    from datasets import Dataset

    # Not `splitlines`: a line separator of Unicode may stand in a question.
    lines = (Path(__file__).parent / f"{split}.jsonl").read_text(encoding="utf-8").split("\n")
    return {"test": Dataset.from_list([json.loads(line) for line in lines if line])}
