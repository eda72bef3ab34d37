"""Data of the tasks beside this file, found wherever the folder lies (lm-eval's `custom_dataset`)."""

import json
from pathlib import Path
from typing import Any


def load(split: str, **_: Any) -> dict[str, Any]:
    """Questions of one split, read into memory without a cache; lm-eval passes the task's other metadata along."""
    from datasets import Dataset

    lines = (Path(__file__).parent / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return {"test": Dataset.from_list([json.loads(line) for line in lines])}
