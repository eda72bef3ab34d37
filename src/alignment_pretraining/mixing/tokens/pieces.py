"""A token stream as pieces: which tokens of which document stand where.

Every arm starts from the same base stream. Replacements of flagged documents, MCQA and synthetic documents are laid
over it, so that two arms are equal, token by token, wherever neither of them has such a piece.
"""

import numpy as np

from alignment_pretraining.core.planned import PIECE


def make_pieces(
    source: int, starts: np.ndarray, lengths: np.ndarray, documents: np.ndarray, closed: np.ndarray | bool = False
) -> np.ndarray:
    """Pieces that begin at the heads of their documents, sorted by start; slots number them as they are given."""
    pieces = np.zeros(len(starts), dtype=PIECE)
    pieces["start"], pieces["length"], pieces["source"] = starts, lengths, source
    pieces["slot"], pieces["document"], pieces["closed"] = np.arange(len(starts)), documents, closed
    return in_order(pieces)


def in_order(pieces: np.ndarray) -> np.ndarray:
    """Pieces sorted by start. Runs of them that are sorted are merged."""
    found: np.ndarray = pieces[np.argsort(pieces["start"], kind="stable")]
    return found


def ends(pieces: np.ndarray) -> np.ndarray:
    """Where each piece ends in the stream (exclusive)."""
    stops: np.ndarray = pieces["start"] + pieces["length"]
    return stops


def overlay(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """`above` in full, and what it leaves visible of `below`, which has no gaps. Both are sorted, without overlaps."""
    if not len(above):
        return below
    cuts = np.sort(np.concatenate([below["start"], ends(below)[-1:], above["start"], ends(above)]), kind="stable")
    cuts = cuts[np.diff(cuts, prepend=cuts[0] - 1) > 0]
    starts, lengths = cuts[:-1], np.diff(cuts)
    over = np.searchsorted(above["start"], starts, side="right") - 1
    hidden = (over >= 0) & (starts < ends(above)[over])
    under = np.searchsorted(below["start"], starts, side="right") - 1
    visible = below[under]
    visible["skip"] += starts - visible["start"]
    visible["closed"] &= starts + lengths == ends(visible)
    visible["start"], visible["length"] = starts, lengths
    return in_order(np.concatenate([visible[~hidden], above]))
