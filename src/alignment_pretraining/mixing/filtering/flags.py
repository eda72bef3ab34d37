"""The filters' decision on every document, as tables."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alignment_pretraining.execution.store import TaskStatistics
from alignment_pretraining.mixing.corpus.parquet import open_parquet, record_batches
from alignment_pretraining.mixing.corpus.parts import Part
from alignment_pretraining.mixing.filtering.blocklist import KEPT, Blocklist
from alignment_pretraining.mixing.filtering.classifier import Classifier
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher, Matcher
from alignment_pretraining.mixing.filtering.texts import Texts, strings

SCHEMA = pa.schema([("id", pa.string()), ("flagged", pa.bool_()), ("categories", pa.string()), ("terms", pa.string())])
NAME = "flags.parquet"
CLASSIFIER = "classifier"  # its category, beside those of the list


def flag(texts: Texts, blocklist: Blocklist, matcher: Matcher, classifier: Classifier | None = None) -> pd.DataFrame:
    """One row a text: flagged (bool), categories and terms (str, joined by `;`, empty when not flagged).

    A text is flagged by either filter; what the classifier flags has the category `classifier`.
    """
    # Of the few that are flagged, decisions; a text has the number of its own, most that of the first.
    decisions, numbers = [KEPT], np.zeros(len(texts), np.int64)
    for number, found in matcher.find(texts).items():
        decision = blocklist.decide(found)
        if decision.flagged:
            numbers[number] = len(decisions)
            decisions.append(decision)
    columns = {
        "flagged": pa.array([decision.flagged for decision in decisions]),
        "categories": pa.array([";".join(decision.categories) for decision in decisions]),
        "terms": pa.array([";".join(decision.terms) for decision in decisions]),
    }
    table: pd.DataFrame = pa.table(columns).take(numbers).to_pandas()
    if classifier is not None:
        also = classifier.flags(strings(texts))
        table.loc[also, "categories"] = [";".join(filter(None, (c, CLASSIFIER))) for c in table.categories[also]]
        table["flagged"] |= also
    return table


def flag_part(blocklist: Blocklist, classifier: Classifier | None, part: Part, folder: Path) -> TaskStatistics:
    """Write the decisions on the documents of a part to `folder`, in their order.

    Tells how many are flagged and kept, and bytes of their text.
    """
    matcher = _matcher(tuple(term for _, term in blocklist.terms))
    told = dict.fromkeys(("flagged", "kept", "flagged_bytes", "kept_bytes"), 0)
    with open_parquet(part.path) as read, pq.ParquetWriter(folder / NAME, SCHEMA) as written:
        for batch in record_batches(read, ["id", "text"]):
            texts = batch.column("text")
            decisions = flag(texts, blocklist, matcher, classifier)
            flagged, sizes = decisions.flagged.to_numpy(), pc.binary_length(texts).to_numpy()
            for name, chosen in (("flagged", flagged), ("kept", ~flagged)):
                told[name] += int(chosen.sum())
                told[f"{name}_bytes"] += int(sizes[chosen].sum())
            table = pa.Table.from_pandas(decisions, preserve_index=False)
            written.write_table(table.add_column(0, "id", batch.column("id")).cast(SCHEMA))
    return told


@lru_cache(maxsize=1)
def _matcher(terms: tuple[str, ...]) -> HyperscanMatcher:
    """Made once a process."""
    return HyperscanMatcher(terms)


def read_flags(path: Path) -> tuple[np.ndarray, pd.Categorical]:
    """The decisions of one part: flagged, bool (documents,), and categories (str, `;`-joined)."""
    table = pq.read_table(path, columns=["flagged", "categories"], read_dictionary=["categories"])
    return table["flagged"].to_numpy(), table["categories"].to_pandas().array
