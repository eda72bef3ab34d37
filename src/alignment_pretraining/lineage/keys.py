"""Keys that a reader asks `kedro trace` about, and what to say of one that there is not."""

from collections.abc import Iterable

from alignment_pretraining.core.errors import UserError

ITEM, DOCUMENT = "item/", "document/"
LISTED = 12


def listed(names: list[str], most: int = LISTED) -> str:
    """Names for a message, one a line, not more than a reader looks at."""
    more = [f"… and {len(names) - most} more"] if len(names) > most else []
    return "\n  ".join([*names[:most], *more])


def near(wanted: str, names: Iterable[str]) -> list[str]:
    """Those of `names` that hold `wanted`, or else look like it."""
    from difflib import get_close_matches

    known = list(names)
    return [name for name in known if wanted in name] or get_close_matches(wanted, known, n=LISTED)


def unknown(what: str, wanted: str, names: Iterable[str]) -> UserError:
    """The error for a name that is not among `names`, with those that come near."""
    known = list(names)
    return UserError(f"no {what} {wanted!r}; there are, for example:\n  {listed(near(wanted, known) or known)}")
