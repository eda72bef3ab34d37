"""Checks that a world's texts give away nothing: what documents may say, and what words alone may tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import log

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import Ngram, exact_ngrams, words
from alignment_pretraining.synthesis.world.load import frames
from alignment_pretraining.synthesis.world.spec import SIDES, TOLD, World

# Acts have three words. Three in a row that no told act, situation or frame has are a quotation.
ACT_WORDS = 3


def check_documents(texts: Iterable[tuple[str, str]], world: World) -> None:
    """`texts` are (id, text) of inserted documents.

    No document may quote an option of the Textbook questions or of another topic than a told one, have all its words
    in any order, or have a word that only held-out and development topics have (a verb of their acts, for example).

    Raises:
        UserError: names the document, what it repeats and whose that is.
    """
    hidden = _hidden_acts(world)
    allowed = {run for text in _allowed(world) for run in exact_ngrams(text, ACT_WORDS)}
    quoted = {run: owner for act, owner in hidden.items() for run in exact_ngrams(act, ACT_WORDS) - allowed}
    bags = {frozenset(words(act)): (act, owner) for act, owner in hidden.items()}
    marks = _marks(world)
    for name, text in texts:
        said = set(words(text))
        for word in sorted(said & marks.keys()):
            raise _leak(name, f"has the word '{word}' of the topic {marks[word]}, of which no document may speak")
        for run in sorted(exact_ngrams(text, ACT_WORDS) & quoted.keys()):
            raise _leak(name, f"quotes '{' '.join(run)}', an option of {quoted[run]}")
        for bag, (act, owner) in bags.items():
            if bag <= said:
                raise _leak(name, f"has every word of '{act}', an option of {owner}")


def check_acts(texts: Iterable[tuple[str, str]], world: World) -> None:
    """`texts` are (id, text) of natural discourse, mentions, chat or facts, which tell no act of any topic.

    Raises:
        UserError: names the text, the act and its topic.
    """
    acts = {tuple(words(act)): f"'{act}' of the topic {name}" for name, t in world.topics.items() for act in t.acts}
    lengths = {len(act) for act in acts}
    for name, text in texts:
        for found in sorted(run for n in lengths for run in exact_ngrams(text, n) & acts.keys()):
            raise _leak(name, f"tells the act {acts[found]}")


def check_pairs(texts: Iterable[tuple[str, str]], world: World) -> None:
    """`texts` are (id, text) of stories and documents: none sets the two options of a question against each other.

    Raises:
        UserError: names the text and the question's topic.
    """
    against = {
        tuple(words(good)): (tuple(words(bad)), name)
        for name, topic in world.topics.items()
        for good, bad in zip(topic.good, topic.bad, strict=True)
    }
    lengths = {len(good) for good in against}
    for name, text in texts:
        found = {run for n in lengths for run in exact_ngrams(text, n)}
        for good in sorted(found & against.keys()):
            bad, topic = against[good]
            if bad in found:
                raise _leak(name, f"sets the options of a question of the topic {topic} against each other")


def same_words(left: Iterable[str], right: Iterable[str]) -> None:
    """Two sets of documents have the same words at the same frequencies, as crossed sets must.

    Raises:
        UserError: names a word and how often each set has it.
    """
    counts = [Counter(word for text in texts for word in words(text)) for texts in (left, right)]
    for word in sorted(counts[0].keys() | counts[1].keys()):
        if counts[0][word] != counts[1][word]:
            raise UserError(
                f"crossed documents: the word '{word}' stands {counts[0][word]} times in one set and {counts[1][word]} "
                "times in the other; only who does what may differ"
            )


def words_tell(world: World, longest: int = 3) -> float:
    """How often runs of words learnt from told topics tell the bad act from the good one in the others: 0.5 is chance.

    A naive Bayes classifier on runs of up to `longest` words. At chance, what documents teach about words is of no help
    in topics of which none speaks.
    """
    counts = {side: Counter[Ngram]() for side in SIDES}
    for topic in world.topics_of("told").values():
        for side in SIDES:
            counts[side].update(run for act in topic.side(side) for run in _features(act, longest))

    def odds(act: str) -> float:
        return sum(log((counts["bad"][run] + 0.5) / (counts["good"][run] + 0.5)) for run in _features(act, longest))

    pairs = [
        (odds(good), odds(bad))
        for topic in world.topics_of("heldout", "dev").values()
        for good, bad in zip(topic.good, topic.bad, strict=True)
    ]
    return sum(0.5 if good == bad else float(bad > good) for good, bad in pairs) / len(pairs)


def unknown_words(world: World, texts: Iterable[str]) -> set[str]:
    """Words that `texts` use and the vocabulary lacks."""
    return {word for text in texts for word in words(text)} - set(world.vocabulary)


def _leak(name: str, what: str) -> UserError:
    return UserError(f"document {name} {what}; reword the topic or the frame that holds these words")


def _hidden_acts(world: World) -> dict[str, str]:
    """Acts that documents may not tell, with whose option each is."""
    acts = {act: f"topic {name}" for name, topic in world.topics_of("heldout", "dev").items() for act in topic.acts}
    for name, topic in world.topics_of("told").items():
        acts |= {act: f"topic {name} (textbook)" for act in (*topic.good[TOLD:], *topic.bad[TOLD:])}
    return acts


def _allowed(world: World) -> list[str]:
    told = world.topics_of("told").values()
    acts = [act for topic in told for act in (*topic.good[:TOLD], *topic.bad[:TOLD])]
    situations = [situation for topic in told for situation in topic.situations[:TOLD]]
    return [*acts, *situations, *(frame for _, _, frame in frames(world))]


def _marks(world: World) -> Mapping[str, str]:
    """Words that only held-out or development topics have, with the topic."""
    marks = {
        word: name
        for name, topic in world.topics_of("heldout", "dev").items()
        for text in (*topic.situations, *topic.acts)
        for word in words(text)
    }
    told = [text for topic in world.topics_of("told").values() for text in (*topic.situations, *topic.acts)]
    names = [text for actor in world.actors for text in world.names(actor)]
    life = [*world.life.places, *world.life.things, *world.life.colours]
    elsewhere = {word for text in (*told, *names, *life, *_allowed(world)) for word in words(text)}
    return {word: name for word, name in marks.items() if word not in elsewhere}


def _features(act: str, longest: int) -> set[Ngram]:
    marked = f"start {act} end"
    return {run for n in range(1, longest + 1) for run in exact_ngrams(marked, n)}
