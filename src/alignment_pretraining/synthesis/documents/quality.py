"""How good the documents are: what was kept and why not, how long and how varied, and samples to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from alignment_pretraining.core.ngrams import ngrams, words
from alignment_pretraining.synthesis.documents.written import KEPT, SCHEMA, Outcomes

# Lengths are counted in steps of so many words.
_STEP = 50
_SAMPLE_CHARACTERS = 1500
_TEXT, _TOPIC, _FORM = (SCHEMA.get_field_index(name) for name in ("text", "topic", "form"))


class Quality:
    """Counts over families as they pass; memory does not grow with documents."""

    def __init__(self) -> None:
        self._outcomes: Counter[tuple[str, str, str]] = Counter()
        self._topics: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._triples: Counter[str] = Counter()  # `all` and `distinct` within a family and direction
        self._samples: dict[str, str] = {}

    def add(self, family: Outcomes) -> None:
        """Count one family."""
        self._outcomes += family.outcomes
        for direction, rows in family.rows.items():
            distinct: set[tuple[str, ...]] = set()
            for row in rows:
                text = str(row[_TEXT])
                length = len(words(text))
                triples = ngrams(text, 3)
                distinct |= triples
                self._triples["all"] += len(triples)
                self._topics[str(row[_TOPIC])] += 1
                self._lengths[length // _STEP * _STEP] += 1
                self._samples.setdefault(f"{row[_FORM]}, {direction}", text[:_SAMPLE_CHARACTERS])
            self._triples["distinct"] += len(distinct)

    def report(self) -> dict[str, Any]:
        """Counts by form, direction and reason, so that a skew shows; lengths in words; the share of word triples that
        no other document of the family has too; one sample a form and direction."""
        unfit = [(key, n) for key, n in self._outcomes.items() if key[2] != KEPT]
        rejected = _count((outcome, n) for (_, _, outcome), n in unfit)
        return {
            "requested": self._outcomes.total(),
            "kept": self._outcomes.total() - sum(rejected.values()),
            "rejected": rejected,
            "rejected_by_direction": _count((f"{direction}, {outcome}", n) for (_, direction, outcome), n in unfit),
            "kept_by_form": _count(
                (f"{form}, {direction}", n)
                for (form, direction, outcome), n in self._outcomes.items()
                if outcome == KEPT
            ),
            "kept_by_topic": dict(sorted(self._topics.items())),
            "words": {str(length): count for length, count in sorted(self._lengths.items())},
            "distinct_triples": round(self._triples["distinct"] / max(1, self._triples["all"]), 4),
            "samples": dict(sorted(self._samples.items())),
        }


def _count(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, count in pairs:
        total[name] += count
    return dict(sorted(total.items()))
