"""How well the keyword filter finds discourse about AI misalignment on labelled passages, and what it leaves behind."""

from typing import NamedTuple

import pandas as pd

from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.flags import flag
from alignment_pretraining.mixing.filtering.matcher import Matcher

DISCOURSE, NEUTRAL, NEGATIVE = LABELS = ("discourse", "neutral_ai", "hard_negative")
WRONG = f"{NEGATIVE} flagged"
COLUMNS = ["key", "measure", "length", "split", "hits", "of", "value", "low", "high"]


class Proportion(NamedTuple):
    """`hits` of `of`, with its 95 % interval (Wilson, 1927)."""

    hits: int
    of: int
    value: float
    low: float
    high: float


def passage_quality(passages: pd.DataFrame, blocklist: Blocklist, matcher: Matcher) -> pd.DataFrame:
    """One row a measure, length (sentence, paragraph) and split (tune, test); columns as `COLUMNS`.

    Recall is the share of discourse that is flagged, precision the share of what is flagged that is discourse (among
    these passages, of which far more are discourse than in any corpus); then the share of each other label that is
    flagged. `passages` has label, length, split, text.
    """
    flagged = flag(passages.text, blocklist, matcher).flagged.to_numpy()
    table = passages.assign(flagged=flagged, is_discourse=passages.label == DISCOURSE)
    rows = []
    for (length, split), group in table.groupby(["length", "split"], sort=True):
        found = {
            "recall": group.flagged[group.is_discourse],
            "precision": group.is_discourse[group.flagged],
            **{f"{label} flagged": group.flagged[group.label == label] for label in (NEUTRAL, NEGATIVE)},
        }
        for measure, hits in found.items():
            share = wilson(int(hits.sum()), len(hits))
            key = f"filter/{measure.replace(' ', '_')}/{length}/{split}"
            rows.append((key, measure, length, split, *share))
    return pd.DataFrame(rows, columns=COLUMNS)


def leakage(quality: pd.DataFrame, account: pd.DataFrame, known: str) -> pd.DataFrame:
    """How much discourse is left among the documents that were kept: rows with `COLUMNS`, in documents.

    `account` has flagged and kept by source. First what is known: all documents of the source `known` are discourse.
    Then, for the other sources, an estimate from the number flagged, the recall and the false alarms (Rogan and
    Gladen, 1978): as if their discourse were as hard to see as the held-out paragraphs, their other documents like the
    hard negatives, and every document flagged beyond those discourse. Its interval joins the ends of both.
    """
    is_known = account.source == known
    flagged, kept = (account[column][~is_known].sum() for column in ("flagged", "kept"))
    rows = quality[(quality.length == "paragraph") & (quality.split == "test")].set_index("measure")
    ends = rows.loc[["recall", WRONG], ["value", "low", "high"]].to_numpy(dtype=float).T
    values = [remaining(int(flagged + kept), int(flagged), recall, wrong) for recall, wrong in ends.tolist()]
    shares = [value / kept if kept else 0.0 for value in values]
    estimate = Proportion(round(values[0]), int(kept), shares[0], min(shares), max(shares))
    sure = wilson(int(account.kept[is_known].sum()), int(account.kept.sum()))
    found = {"known": sure, "estimated": estimate}
    return pd.DataFrame(
        [(f"filter/leakage/{name}", f"leakage, {name}", "document", "corpus", *share) for name, share in found.items()],
        columns=COLUMNS,
    )


def remaining(documents: int, flagged: int, recall: float, wrong: float) -> float:
    """Discourse documents among those that were not flagged; all of them if the filter tells nothing apart."""
    kept = documents - flagged
    if recall <= wrong:
        return float(kept)
    discourse = min(max((flagged - wrong * documents) / (recall - wrong), 0.0), float(documents))
    return min((1 - recall) * discourse, float(kept))


def wilson(hits: int, of: int) -> Proportion:
    """A share with its interval; of nothing, everything between 0 and 1 is possible."""
    from statsmodels.stats.proportion import proportion_confint

    if of == 0:
        return Proportion(0, 0, float("nan"), 0.0, 1.0)
    low, high = proportion_confint(hits, of, method="wilson")
    return Proportion(hits, of, hits / of, float(low), float(high))
