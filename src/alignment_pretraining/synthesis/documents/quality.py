"""How good the documents are: what was kept and why not, how long and how varied, and samples to read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from alignment_pretraining.core.hashed_ngrams import Hashes, ngram_hashes, word_hashes
from alignment_pretraining.synthesis.documents.outcomes import KEPT, SCHEMA, Outcomes

# Lengths are counted in steps of so many words.
_STEP = 50
_SAMPLE_CHARACTERS = 1500
_OPENING_WORDS = 8
_ALL = "all forms"
_TEXT, _TOPIC, _FORM = (SCHEMA.get_field_index(name) for name in ("text", "topic", "form"))


class _Said(NamedTuple):
    """What a text says: its first words, and the hashes of its word triples, each once."""

    opening: bytes
    triples: Hashes


@dataclass
class Diversity:
    """How varied the documents of one form are, by what is said twice within a family and direction."""

    documents: int = 0
    openings: int = 0
    triples: int = 0
    distinct_triples: int = 0

    def add(self, texts: Sequence[_Said]) -> None:
        """Count the texts of one family and direction."""
        self.documents += len(texts)
        self.openings += len({text.opening for text in texts})
        self.triples += sum(len(text.triples) for text in texts)
        self.distinct_triples += len(_distinct(np.concatenate([text.triples for text in texts]))) if texts else 0

    def __iadd__(self, other: Diversity) -> Diversity:
        """Count what another has counted, of other families or directions."""
        for name, count in asdict(other).items():
            setattr(self, name, getattr(self, name) + count)
        return self

    def report(self) -> dict[str, float]:
        """Documents, and the shares of openings and of word triples that are said once."""
        return {
            "documents": self.documents,
            "distinct_openings": round(self.openings / max(1, self.documents), 4),
            "distinct_triples": round(self.distinct_triples / max(1, self.triples), 4),
        }


class Quality:
    """Counts over families as they pass; memory does not grow with documents."""

    def __init__(self) -> None:
        self._outcomes: Counter[tuple[str, str, str]] = Counter()
        self._topics: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._diversity: defaultdict[str, Diversity] = defaultdict(Diversity)  # by form, and of all together
        self._samples: dict[str, str] = {}

    def add(self, family: Outcomes) -> None:
        """Count one family."""
        self._outcomes += family.outcomes
        for direction, rows in family.rows.items():
            by_form: defaultdict[str, list[_Said]] = defaultdict(list)
            for row in rows:
                text = str(row[_TEXT])
                hashed = word_hashes(text)
                said = _Said(hashed[:_OPENING_WORDS].tobytes(), _distinct(ngram_hashes(hashed, 3)))
                by_form[str(row[_FORM])].append(said)
                self._topics[str(row[_TOPIC])] += 1
                self._lengths[len(hashed) // _STEP * _STEP] += 1
                self._samples.setdefault(f"{row[_FORM]}, {direction}", text[:_SAMPLE_CHARACTERS])
            for form, texts in by_form.items():
                self._diversity[form].add(texts)
            self._diversity[_ALL].add(list(chain.from_iterable(by_form.values())))

    def __iadd__(self, other: Quality) -> Quality:
        """Count what another has counted, of later families."""
        self._outcomes += other._outcomes
        self._topics += other._topics
        self._lengths += other._lengths
        for form, found in other._diversity.items():
            self._diversity[form] += found
        self._samples = other._samples | self._samples
        return self

    def report(self) -> dict[str, Any]:
        """Counts by form, direction and reason, so that a skew shows; lengths in words; diversity by form; one sample a
        form and direction."""
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
            "diversity": {form: found.report() for form, found in sorted(self._diversity.items())},
            "samples": dict(sorted(self._samples.items())),
        }


def _distinct(hashes: Hashes) -> Hashes:
    """Each hash once. Sorting is faster than a hash table here."""
    hashes = np.sort(hashes)
    return hashes[np.concatenate(([True], hashes[1:] != hashes[:-1]))] if len(hashes) else hashes


def _count(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, count in pairs:
        total[name] += count
    return dict(sorted(total.items()))
