"""Other engines that do what `HyperscanMatcher` does with folded texts, to be measured beside it."""

import re
from collections.abc import Callable, Iterable, Sequence

from alignment_pretraining.mixing.filtering.matcher import is_acronym, spellings

# What a folded text, as str, tells of the terms in it: their numbers.
Find = Callable[[str], set[int]]
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def google_re2(terms: Sequence[str]) -> Find:
    """RE2's `Set`, all terms in one automaton."""
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 1 << 28
    patterns = re2.Set.SearchSet(options)
    for term in terms:
        patterns.Add(("" if is_acronym(term) else "(?i)") + _pattern([term]))
    patterns.Compile()
    return lambda text: set(patterns.Match(text) or ())


def rust_aho_corasick(terms: Sequence[str]) -> Find:
    """ahocorasick_rs: acronyms in the text, others in its lower case; boundaries are looked at afterwards."""
    from ahocorasick_rs import AhoCorasick

    def automaton(words: list[str]) -> Callable[[str], Iterable[tuple[int, int, int]]]:
        found = AhoCorasick(words)
        return lambda text: found.find_matches_as_indexes(text, overlapping=True)

    return _in_two_cases(terms, automaton)


def c_aho_corasick(terms: Sequence[str]) -> Find:
    """pyahocorasick, in the same way."""
    import ahocorasick

    def automaton(words: list[str]) -> Callable[[str], Iterable[tuple[int, int, int]]]:
        found = ahocorasick.Automaton()
        for number, word in enumerate(words):
            found.add_word(word, (number, len(word)))
        found.make_automaton()
        return lambda text: ((n, last + 1 - size, last + 1) for last, (n, size) in found.iter(text))

    return _in_two_cases(terms, automaton)


def alternations(terms: Sequence[str]) -> Find:
    """Python's `re`, one search a term: an alternation would not tell which terms there are."""
    patterns = [re.compile(_pattern([term]), re.NOFLAG if is_acronym(term) else re.IGNORECASE) for term in terms]
    return lambda text: {number for number, pattern in enumerate(patterns) if pattern.search(text)}


def _pattern(terms: Iterable[str]) -> str:
    words = "|".join(re.escape(word.decode()) for term in terms for word in spellings(term))
    return rf"(?:^|[^a-zA-Z0-9_])(?:{words})(?:[^a-zA-Z0-9_]|$)"


def _in_two_cases(
    terms: Sequence[str], automaton: Callable[[list[str]], Callable[[str], Iterable[tuple[int, int, int]]]]
) -> Find:
    kinds = []
    for cased in (True, False):
        own = [
            (n, word.decode()) for n, term in enumerate(terms) if is_acronym(term) is cased for word in spellings(term)
        ]
        kinds.append(([n for n, _ in own], automaton([word if cased else word.lower() for _, word in own])))

    def find(text: str) -> set[int]:
        found = set()
        for (numbers, matches), cased in zip(kinds, (text, text.lower()), strict=True):
            for number, start, end in matches(cased):
                before, after = cased[start - 1 : start], cased[end : end + 1]
                if before not in _WORD and after not in _WORD:
                    found.add(numbers[number])
        return found

    return find
