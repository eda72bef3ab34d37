"""How well the filters find discourse about AI misalignment on labelled passages, and what they leave behind."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from alignment_pretraining.mixing.filtering.labels import DISCOURSE, NEGATIVE, NEUTRAL

KEYWORDS, CLASSIFIER, BOTH = "keywords", "classifier", "either"
COLUMNS = ["key", "filter", "measure", "length", "split", "hits", "of", "value", "low", "high"]


class Proportion(NamedTuple):
    """`hits` of `of`, with its 95 % interval (Wilson, 1927)."""

    hits: int
    of: int
    value: float
    low: float
    high: float


def passage_quality(passages: pd.DataFrame, flagged: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row a filter, measure, length (sentence, paragraph, document) and split (tune, test); columns as `COLUMNS`.

    Recall is the share of discourse that is flagged, precision the share of what is flagged that is discourse (among
    these passages, of which far more are discourse than in any corpus); then the share of each other label that is
    flagged.

    Args:
        passages: Columns label, length, split.
        flagged: By filter, its decisions on the passages: bool (passages,).
    """
    rows = []
    for name, decisions in flagged.items():
        table = passages.assign(flagged=decisions, is_discourse=passages.label == DISCOURSE)
        for (length, split), group in table.groupby(["length", "split"], sort=True):
            found = {
                "recall": group.flagged[group.is_discourse],
                "precision": group.is_discourse[group.flagged],
                **{f"{label} flagged": group.flagged[group.label == label] for label in (NEUTRAL, NEGATIVE)},
            }
            for measure, hits in found.items():
                share = wilson(int(hits.sum()), len(hits))
                key = f"filter/{name}/{measure.replace(' ', '_')}/{length}/{split}"
                rows.append((key, name, measure, length, split, *share))
    return pd.DataFrame(rows, columns=COLUMNS)


def known_leakage(account: pd.DataFrame, known: str) -> pd.DataFrame:
    """The discourse that was mixed in and is left among the documents that were kept: one row, in documents.

    `account` has flagged and kept by source; all documents of the source `known` are discourse.
    """
    share = wilson(int(account.kept[account.source == known].sum()), int(account.kept.sum()))
    row = ("filter/leakage/known", BOTH, "leakage, known", "document", "corpus", *share)
    return pd.DataFrame([row], columns=COLUMNS)


def wilson(hits: int, of: int) -> Proportion:
    """A share with its interval; of nothing, everything between 0 and 1 is possible."""
    from statsmodels.stats.proportion import proportion_confint

    if of == 0:
        return Proportion(0, 0, float("nan"), 0.0, 1.0)
    low, high = proportion_confint(hits, of, method="wilson")
    return Proportion(hits, of, hits / of, float(low), float(high))
