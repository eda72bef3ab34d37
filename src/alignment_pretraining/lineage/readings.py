"""Which checkpoints read a document, at which steps: looked up in the streams, where each document's place is kept."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.mixing.tokens.inspect import find_documents
from alignment_pretraining.study import Study


@dataclass(frozen=True)
class Reading:
    """A document, or a part of it, as the training of `arm` from `seed` read it at a base stage.

    `start` and `end` are positions in the stream (tokens, end exclusive), `skip` tokens before them in the document;
    steps count from 1, as those of the loss curves.
    """

    arm: str
    seed: int
    stage: str
    source: str
    id: str
    start: int
    end: int
    skip: int
    first_step: int
    last_step: int


@dataclass(frozen=True)
class Readings:
    """All that is known of who read some documents: `streams` were looked through, `missing` are not kept."""

    found: list[Reading]
    streams: list[str]
    missing: list[str]

    def of(self, arm: str, seed: int) -> list[Reading]:
        """What the training of an arm from a seed read."""
        return [reading for reading in self.found if (reading.arm, reading.seed) == (arm, seed)]


def read_by(graph: Graph, study: Study, ids: Collection[str]) -> Readings:
    """Where the arms of the study read the documents `ids`. Arms with an equal history read the same stream."""
    found = Readings([], [], [])
    places: dict[str, pd.DataFrame] = {}
    for arm, seed, stage, mix in _streams(study):
        if mix not in places:
            path = graph.path(mix)
            kept = path is not None and path.is_dir()
            (found.streams if kept else found.missing).append(mix)
            places[mix] = find_documents(path, ids) if path and kept else pd.DataFrame()
        trained = getattr(study.stages, stage)
        row: Any
        for row in places[mix].itertuples():
            # The last token of a stream is only predicted, by the last step.
            steps = (min(int(token) // trained.batch_tokens + 1, trained.steps) for token in (row.start, row.end - 1))
            place = (int(row.start), int(row.end), int(row.skip))
            found.found.append(Reading(arm, seed, stage, row.source, row.id, *place, *steps))
    return found


def _streams(study: Study) -> Iterator[tuple[str, int, str, str]]:
    for arm in study.selected_arms():
        for seed in study.seeds.base:
            for stage_run in study.chain(arm):
                yield arm, seed, stage_run.stage, stage_run.dataset(seed, "mix")
