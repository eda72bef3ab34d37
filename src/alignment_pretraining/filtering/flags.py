"""The filter's decision on every document, as a table."""

from collections.abc import Iterable

import pandas as pd

from alignment_pretraining.filtering.blocklist import Blocklist
from alignment_pretraining.filtering.fold import fold
from alignment_pretraining.filtering.matcher import Matcher


def flag(texts: Iterable[str], blocklist: Blocklist, matcher: Matcher) -> pd.DataFrame:
    """One row a text: flagged (bool), categories and terms (str, joined by `;`, empty when not flagged)."""
    decisions = [blocklist.decide(found) for found in matcher.find([fold(text) for text in texts])]
    return pd.DataFrame(
        {
            "flagged": [decision.flagged for decision in decisions],
            "categories": [";".join(decision.categories) for decision in decisions],
            "terms": [";".join(decision.terms) for decision in decisions],
        }
    )
