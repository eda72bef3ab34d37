"""What went into a mix and what did not: in = out + dropped, for documents and for tokens."""

from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.tokens.mixture import CORPUS, REPLACEMENT, Mixture, Recipe

Count = dict[str, int]


def account(
    source: int, recipe: Recipe, mixture: Mixture, lengths: np.ndarray, is_flagged: np.ndarray | None
) -> dict[str, Any]:
    """The account of one source: `in`, `out` and `dropped` by reason, each in documents and tokens.

    `in` is every epoch that was begun. A document of which any token is left counts as `out`.
    """
    layer = mixture.layers[source]
    shown = mixture.pieces[mixture.pieces["source"] == source]
    if source == REPLACEMENT:
        available = _count(len(layer), lengths[layer["document"]].sum())
    else:
        epochs = -(-len(layer) // max(len(lengths), 1))
        available = _count(epochs * len(lengths), epochs * int(lengths.sum()))
    out = _count(len(np.unique(shown["slot"])), shown["length"].sum())
    drawn = _count(len(layer), layer["length"].sum())
    dropped = {"not needed for the budget": _less(available, drawn)}
    if source == CORPUS and recipe.filtered and is_flagged is not None:
        flagged = layer[is_flagged[layer["document"]]]
        dropped["flagged"] = _count(len(flagged), flagged["length"].sum())
        drawn = _less(drawn, dropped["flagged"])
    dropped["overwritten"] = _less(drawn, out)
    return {"in": available, "out": out, "dropped": dropped}


def flagged_summary(mixture: Mixture, categories: list[str], is_flagged: np.ndarray) -> dict[str, Any]:
    """Flagged documents among the base documents of the stream; `categories` holds one `;`-joined string each."""
    documents = mixture.layers[CORPUS]["document"]
    flagged = documents[is_flagged[documents]]
    by_category: dict[str, int] = {}
    for document in flagged:
        for category in categories[document].split(";"):
            by_category[category] = by_category.get(category, 0) + 1
    return {
        "documents": len(flagged),
        "share": round(len(flagged) / len(documents), 6),
        "by_category": dict(sorted(by_category.items())),
    }


def contaminated_summary(documents: pd.DataFrame, contamination: pd.DataFrame) -> dict[str, int]:
    """How many `documents` of a mix (columns source, id) quote a question, by the question's split."""
    shown = documents[["source", "id"]].replace({"source": {"replacement": "corpus"}}).drop_duplicates()
    quoting = contamination[["source", "id", "split"]].drop_duplicates().merge(shown, on=["source", "id"])
    return {str(split): int(count) for split, count in quoting["split"].value_counts().sort_index().items()}


def _count(documents: int, tokens: int) -> Count:
    return {"documents": int(documents), "tokens": int(tokens)}


def _less(whole: Count, part: Count) -> Count:
    return {key: whole[key] - part[key] for key in whole}
