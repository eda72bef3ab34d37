"""Check that training text gives away nothing that the evaluation holds back."""

from __future__ import annotations

from collections.abc import Iterable

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import Ngram, exact_ngrams, ngrams
from alignment_pretraining.synthesis.scenarios.bank import AI, Bank

# Options are short, so six words in a row give one away. A turn of five can arise where an action meets the phrase
# around it. Setting descriptions share more common phrases, so a copy of one is told by a longer run.
QUOTED_WORDS = 6
SETTING_WORDS = 8


def check_texts(texts: Iterable[tuple[str, str]], bank: Bank) -> None:
    """`texts` are (id, text). No text may quote an option, or the families that documents may not use.

    Raises:
        UserError: names the first text and what it repeats.
    """
    options = _index(bank, QUOTED_WORDS, options=True)
    settings = _index(bank, SETTING_WORDS, options=False)
    for name, text in texts:
        for known, n, what in ((options, QUOTED_WORDS, "an option"), (settings, SETTING_WORDS, "held-out text")):
            shared = sorted(known.keys() & ngrams(text, n))
            if shared:
                raise UserError(
                    f"document {name} repeats {what} of {known[shared[0]]}: {' '.join(shared[0])!r}; "
                    "reword the scenario or the phrase that holds these words"
                )


def check_families(used: Iterable[str], bank: Bank) -> None:
    """Every family in `used` must be one that documents may be written about.

    Raises:
        UserError: a family of the textbook split or of a held-out topic, or one that is not in the bank.
    """
    allowed = {family.family for _, family in bank.families("articles")}
    wrong = sorted(set(used) - allowed)
    if wrong:
        raise UserError(f"documents may not use family {wrong[0]}: only articles families of the bank have documents")


def _index(bank: Bank, n: int, *, options: bool) -> dict[Ngram, str]:
    """n-grams of every option, or of all else that textbook and held-out families say, with the place they are from."""
    families = bank.families() if options else bank.families("textbook", "heldout_topics")
    index: dict[Ngram, str] = {}
    for topic, family in families:
        where = f"family {family.family} ({topic.topic}.yml)"
        sides = family.sides
        if options:
            texts = [text for side in sides for text in side.options]
        else:
            texts = [part for situation in family.situations for part in situation.split(AI)]
            texts += [family.passage, *(t for side in sides for t in (*side.actions, *side.reasons))]
        index |= {gram: where for text in texts for gram in exact_ngrams(text, n)}
    return index
