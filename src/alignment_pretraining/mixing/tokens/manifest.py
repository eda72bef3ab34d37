"""What went into a mix and what did not: in = out + dropped, for documents and for tokens."""

from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.mixing.tokens.mixture import CORPUS, REPLACEMENT, Mixture, Recipe

Count = dict[str, int]


def account(
    source: int, recipe: Recipe, mixture: Mixture, lengths: np.ndarray, is_flagged: np.ndarray, members: np.ndarray
) -> dict[str, Any]:
    """The account of one source, or of the pool of it to which `members` (bool) belong: `in`, `out` and `dropped`.

    Each is counted in documents and tokens. `in` is every epoch that was begun. A document of which any token is left
    counts as `out`.
    """
    layer, pieces = mixture.layers[source], mixture.pieces[mixture.pieces["source"] == source]
    layer, shown = layer[members[layer["document"]]], pieces[members[pieces["document"]]]
    if source == REPLACEMENT:
        available = _count(len(layer), lengths[layer["document"]].sum())
    else:
        epochs = -(-len(layer) // max(int(members.sum()), 1))
        available = _count(epochs * members.sum(), epochs * lengths[members].sum())
    out = _count(len(np.unique(shown["slot"])), shown["length"].sum())
    drawn = _count(len(layer), layer["length"].sum())
    dropped = {"not needed for the budget": _less(available, drawn)}
    if source == CORPUS and recipe.filtered:
        flagged = layer[is_flagged[layer["document"]]]
        dropped["flagged"] = _count(len(flagged), flagged["length"].sum())
        drawn = _less(drawn, dropped["flagged"])
    dropped["overwritten"] = _less(drawn, out)
    return {"in": available, "out": out, "dropped": dropped}


def flagged_summary(mixture: Mixture, categories: pd.Series, is_flagged: np.ndarray) -> dict[str, Any]:
    """Flagged documents among the base documents of the stream, and their tokens; `categories` are `;`-joined."""
    documents, lengths = mixture.layers[CORPUS]["document"], mixture.layers[CORPUS]["length"]
    flagged = documents[is_flagged[documents]]
    tokens = int(lengths[is_flagged[documents]].sum())
    by_category: dict[str, int] = {}
    for together, count in categories.iloc[flagged].value_counts().items():
        for category in str(together).split(";") if count else ():
            by_category[category] = by_category.get(category, 0) + int(count)
    return {
        "documents": len(flagged),
        "share": round(len(flagged) / len(documents), 6),
        "tokens": tokens,
        "share_of_tokens": round(tokens / int(lengths.sum()), 6),
        "by_category": dict(sorted(by_category.items())),
    }


def contaminated_summary(mixture: Mixture, quoting: dict[str, pd.DataFrame], names: dict[int, str]) -> dict[str, int]:
    """How many documents of a mix quote a question, by the question's split.

    `quoting` has a table for each source: columns document (number), split. `names` has the folder of every layer.
    """
    found: dict[str, int] = {}
    for folder in dict.fromkeys(names.values()):
        layers = [source for source, name in names.items() if name == folder]
        shown = np.unique(mixture.pieces["document"][np.isin(mixture.pieces["source"], layers)])
        table = quoting[folder].drop_duplicates(["document", "split"])
        for split, count in table[table.document.isin(shown)].split.value_counts().items():
            found[str(split)] = found.get(str(split), 0) + int(count)
    return dict(sorted(found.items()))


def _count(documents: int, tokens: int) -> Count:
    return {"documents": int(documents), "tokens": int(tokens)}


def _less(whole: Count, part: Count) -> Count:
    return {key: whole[key] - part[key] for key in whole}
