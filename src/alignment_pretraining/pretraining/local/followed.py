"""A training in several processes, as it is followed from outside: its curve, live metrics, a request to leave."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from alignment_pretraining.core.files import write_text
from alignment_pretraining.execution.live import LiveMetrics
from alignment_pretraining.execution.ranks import stop_file
from alignment_pretraining.pretraining.local.curve import Row

CURVE = "curve.jsonl"


class Followed:
    """What one of the processes writes into `work` for the training of the stage `name`, and is asked there."""

    def __init__(self, work: Path, name: str, steps: int) -> None:
        self._curve, self._stop, self._steps = work / CURVE, stop_file(work), steps
        self._live = LiveMetrics(name)

    def begin(self, rows: Sequence[Row]) -> None:
        """Leave the curve with the rows of the save alone: later ones are made again."""
        write_text(self._curve, "".join(map(_line, rows)))

    def add(self, row: Row) -> None:
        """Add a step to the curve."""
        with self._curve.open("a") as stream:
            stream.write(_line(row))
        figures = {key: value for key, value in row.items() if math.isfinite(value)}
        self._live.add(figures, last=row["step"] == self._steps)

    def is_asked_to_leave(self) -> bool:
        """Whether the training is to save and to leave after this step."""
        return self._stop.exists()


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"
