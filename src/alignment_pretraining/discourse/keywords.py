"""Key words of an action, as papers, articles and posts list them: its content words, never its wording."""

from __future__ import annotations

from random import Random

from alignment_pretraining.discourse.ngrams import words

_FUNCTION_WORDS = frozenset(
    """about after again also although away because before being both could does done each even every from have here
    into itself just less like many more most much must never once only other over rather same shall should since some
    such than that their them then there these they this those though through under until upon what when where whether
    which while will with within without would""".split()  # noqa: SIM905
)


def key_words(text: str, rng: Random) -> str:
    """The content words of `text`, each once, in an order drawn by `rng`, separated by commas."""
    content = sorted({word for word in words(text) if len(word) > 3 and word not in _FUNCTION_WORDS})
    return ", ".join(rng.sample(content, len(content)))
