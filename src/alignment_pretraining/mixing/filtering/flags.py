"""The filters' decision on every document, as tables."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.execution.store import TaskStatistics
from alignment_pretraining.mixing.corpus.parts import Part, batches
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.classifier import Classifier
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher, Matcher

SCHEMA = pa.schema([("id", pa.string()), ("flagged", pa.bool_()), ("categories", pa.string()), ("terms", pa.string())])
NAME = "flags.parquet"
CLASSIFIER = "classifier"  # its category, beside those of the list


def flag(
    texts: Sequence[str], blocklist: Blocklist, matcher: Matcher, classifier: Classifier | None = None
) -> pd.DataFrame:
    """One row a text: flagged (bool), categories and terms (str, joined by `;`, empty when not flagged).

    A text is flagged by either filter; what the classifier flags has the category `classifier`.
    """
    flagged, categories, terms = np.zeros(len(texts), bool), [""] * len(texts), [""] * len(texts)
    for number, found in matcher.find(texts).items():
        decision = blocklist.decide(found)
        flagged[number] = decision.flagged
        categories[number], terms[number] = ";".join(decision.categories), ";".join(decision.terms)
    table = pd.DataFrame({"flagged": flagged, "categories": categories, "terms": terms})
    if classifier is not None:
        also = classifier.flags(texts)
        table.loc[also, "categories"] = [";".join(filter(None, (c, CLASSIFIER))) for c in table.categories[also]]
        table["flagged"] |= also
    return table


def flag_part(blocklist: Blocklist, classifier: Classifier | None, part: Part, folder: Path) -> TaskStatistics:
    """Write the decisions on the documents of a part to `folder`, in their order.

    Tells how many are flagged and kept, and bytes of their text.
    """
    matcher = _matcher(tuple(term for _, term in blocklist.terms))
    told = dict.fromkeys(("flagged", "kept", "flagged_bytes", "kept_bytes"), 0)
    with pq.ParquetWriter(folder / NAME, SCHEMA) as file:
        for ids, texts in batches(part.path):
            decisions = flag(texts, blocklist, matcher, classifier)
            sizes = np.fromiter((len(text.encode()) for text in texts), np.int64, len(texts))
            for name, chosen in (("flagged", decisions.flagged), ("kept", ~decisions.flagged)):
                told[name] += int(chosen.sum())
                told[f"{name}_bytes"] += int(sizes[chosen].sum())
            decisions.insert(0, "id", ids)
            file.write_table(pa.Table.from_pandas(decisions, SCHEMA, preserve_index=False))
    return told


@lru_cache(maxsize=1)
def _matcher(terms: tuple[str, ...]) -> HyperscanMatcher:
    """Made once a process."""
    return HyperscanMatcher(terms)


def read_flags(path: Path) -> tuple[np.ndarray, pd.Categorical]:
    """The decisions of one part: flagged, bool (documents,), and categories (str, `;`-joined)."""
    table = pq.read_table(path, columns=["flagged", "categories"], read_dictionary=["categories"])
    return table["flagged"].to_numpy(), table["categories"].to_pandas().array
