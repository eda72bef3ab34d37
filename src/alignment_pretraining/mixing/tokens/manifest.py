"""What went into a mix and what did not: in = out + dropped, for documents and for tokens.

Each segment is counted where it is written; the counts of all of them make the account.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.mixing.tokens.mixture import CORPUS, MCQA, REPLACEMENT, Corpus, Recipe

Count = dict[str, int]
Counts = dict[str, Any]


def labels(recipe: Recipe, names: Mapping[int, str]) -> list[tuple[int, int | None, str]]:
    """What has an account: layer, number of the pool (None: all documents), and label. `names` are those of layers."""
    found: list[tuple[int, int | None, str]] = []
    for layer, name in names.items():
        if layer == CORPUS and recipe.pools:
            found += [(layer, number, f"{name}: {pool}") for number, (pool, _) in enumerate(recipe.pools)]
        else:
            found.append((layer, None, name))
    return found


def count_segment(
    recipe: Recipe, corpus: Corpus, names: Mapping[int, str], layers: Mapping[int, np.ndarray], pieces: np.ndarray
) -> Counts:
    """What a segment has of every label: `drawn`, `flagged` and `shown`, each in documents and tokens, and `flags`: how
    many of its base documents have each flag.

    Args:
        recipe: What the mix is made of.
        corpus: Its documents.
        names: Of the layers.
        layers: What is drawn for the segment, by source.
        pieces: What the finished stream shows of it. A document of which any token is left is shown.
    """
    counts: Counts = {}
    for layer, pool, label in labels(recipe, names):
        drawn, shown = _of(corpus, layers[layer], pool), _of(corpus, pieces[pieces["source"] == layer], pool)
        flagged = drawn[corpus.flags[drawn["document"]] > 0] if layer == CORPUS else drawn[:0]
        counts[label] = {"drawn": _count(drawn), "flagged": _count(flagged), "shown": _count(shown)}
    flags = corpus.flags[layers[CORPUS]["document"]]
    return counts | {"flags": {str(flag): count for flag, count in sorted(Counter(flags[flags > 0].tolist()).items())}}


def add(segments: Iterable[Counts]) -> Counts:
    """The sum of counts, at every key."""
    total: Counts = {}
    for counts in segments:
        for key, value in counts.items():
            total[key] = add([total.get(key, {}), value]) if isinstance(value, dict) else total.get(key, 0) + value
    return total


def account(counts: Mapping[str, Count], layer: int, recipe: Recipe, members: Count) -> dict[str, Any]:
    """The account of one label: `in`, `out` and `dropped`, each in documents and tokens.

    Args:
        counts: `drawn`, `flagged` and `shown` of the whole stream.
        layer: Of the label.
        recipe: What the mix is made of.
        members: The documents that it may be drawn from. `in` is every epoch of them that was begun.
    """
    drawn, out = counts["drawn"], counts["shown"]
    epochs = -(-drawn["documents"] // max(members["documents"], 1))
    available = drawn if layer == REPLACEMENT else {unit: epochs * number for unit, number in members.items()}
    dropped = {"not needed for the budget": _less(available, drawn)}
    if layer == CORPUS and recipe.filtered:
        dropped["flagged"] = counts["flagged"]
        drawn = _less(drawn, counts["flagged"])
    dropped["overwritten"] = _less(drawn, out)
    return {"in": available, "out": out, "dropped": dropped}


def flagged_summary(
    counts: Counts, recipe: Recipe, names: Mapping[int, str], categories: Sequence[str]
) -> dict[str, Any]:
    """Flagged documents among the base documents of the stream, and their tokens.

    `categories` are those of every flag, `;`-joined.
    """
    base = [counts[label] for layer, _, label in labels(recipe, names) if layer == CORPUS]
    total = add(base)
    by_category: dict[str, int] = {}
    for flag, count in counts["flags"].items():
        for category in categories[int(flag)].split(";"):
            by_category[category] = by_category.get(category, 0) + count
    flagged, drawn = total["flagged"], total["drawn"]
    return {
        "documents": flagged["documents"],
        "share": round(flagged["documents"] / drawn["documents"], 6),
        "tokens": flagged["tokens"],
        "share_of_tokens": round(flagged["tokens"] / drawn["tokens"], 6),
        "by_category": dict(sorted(by_category.items())),
    }


def quoting_documents(
    pieces: np.ndarray, quoting: Mapping[str, pd.DataFrame], folders: Mapping[int, str]
) -> dict[str, list[int]]:
    """By source, the documents of some pieces that quote a question, sorted.

    `quoting` are all that do (`contaminated_summary`), `folders` the source of every layer.
    """
    found = {}
    for source, table in quoting.items():
        layers = [layer for layer, name in folders.items() if name == source]
        shown = pieces["document"][np.isin(pieces["source"], layers)]
        found[source] = np.intersect1d(shown, table.document).tolist()
    return found


def contaminated_summary(
    quoting: Mapping[str, pd.DataFrame], shown: Sequence[Mapping[str, list[int]]]
) -> dict[str, int]:
    """How many documents of a mix quote a question, by the question's split.

    `quoting` has a table for each source: columns document (number), split. `shown` are those in each segment.
    """
    found: Counter[str] = Counter()
    for source, table in quoting.items():
        of_mix = {document for segment in shown for document in segment[source]}
        found.update(table[table.document.isin(of_mix)].drop_duplicates(["document", "split"]).split.tolist())
    return dict(sorted(found.items()))


def shares(counts: Counts, recipe: Recipe, names: Mapping[int, str]) -> dict[str, dict[str, float]]:
    """Share of the stream that was asked for and reached, by inserted source; of the base, by pool."""
    whole = sum(share for _, share in recipe.pools)
    inserted, pools = {}, {}
    for layer, pool, label in labels(recipe, names):
        of_label = counts[label]
        if layer >= MCQA:
            target = recipe.mcqa_share if layer == MCQA else recipe.synthetic_share
            inserted[label] = {"target": target, "reached": of_label["shown"]["tokens"] / recipe.tokens}
        elif pool is not None:
            name, share = recipe.pools[pool]
            pools[f"base: {name}"] = {"target": share / whole, "reached": of_label["drawn"]["tokens"] / recipe.tokens}
    return inserted | pools


def _of(corpus: Corpus, pieces: np.ndarray, pool: int | None) -> np.ndarray:
    return pieces if pool is None else pieces[corpus.pools.of(pieces["document"]) == pool]


def _count(pieces: np.ndarray) -> Count:
    return {"documents": len(np.unique(pieces["slot"])), "tokens": int(pieces["length"].sum())}


def _less(whole: Count, part: Count) -> Count:
    return {key: whole[key] - part[key] for key in whole}
