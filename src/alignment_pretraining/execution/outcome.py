"""What a training in several processes leaves for the one that started them: a checkpoint, with curve and summary."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.files import write_text

Outcome = tuple[Path, pd.DataFrame, dict[str, Any]]  # checkpoint folder, curve, summary

_CHECKPOINT, _RESULT = "checkpoint", "result.json"


def leave_outcome(outcome: Outcome, work: Path) -> None:
    """Write curve (with its `attrs`) and summary beside the checkpoint."""
    _, curve, summary = outcome
    told = {"curve": curve.to_dict("list"), "attrs": curve.attrs, "summary": summary}
    write_text(work / _RESULT, json.dumps(told))


def is_finished(work: Path) -> bool:
    """Whether there is an outcome whose checkpoint nobody has taken away."""
    return (work / _RESULT).exists() and (work / _CHECKPOINT).is_dir()


def read_outcome(work: Path) -> Outcome:
    """What `leave_outcome` wrote."""
    told = json.loads((work / _RESULT).read_text())
    curve = pd.DataFrame(told["curve"])
    curve.attrs |= told["attrs"]
    return work / _CHECKPOINT, curve, told["summary"]
