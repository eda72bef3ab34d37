"""Where every document of each source went: in = kept + flagged + held out + quarantined."""

import pandas as pd

from alignment_pretraining.core.errors import UserError


def corpus_account(reading: pd.DataFrame, decided: pd.DataFrame) -> pd.DataFrame:
    """Documents by source: key, source, read, quarantined, held_out, flagged, kept; and bytes of what is decided on.

    `reading` has the first of these, `decided` the others by part: flagged, kept, flagged_bytes, kept_bytes.

    Raises:
        UserError: a document is missing, or there is one too many.
    """
    by_source = decided.groupby("source").sum()
    account = reading.set_index("source").join(by_source).fillna(0).astype("int64")
    left = account["read"] - account[["quarantined", "held_out", "flagged", "kept"]].sum(axis=1)
    if left.any():
        source = str(left.ne(0).idxmax())
        raise UserError(
            f"{source}: {left[source]:+,} documents between what was read and what was kept, flagged, held out or put "
            "into quarantine; delete 00_scratch/tasks in the data folder and run the mixing pipeline again"
        )
    account = account.reset_index()
    account.insert(0, "key", [f"documents/{number}" for number in range(len(account))])
    return account
