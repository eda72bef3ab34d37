import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher, Matcher, RegexMatcher
from alignment_pretraining.mixing.filtering.normalize import normalize

TERMS = ["ai", "a.i.", "ai lab", "ai labs", "x-risk", "p(doom)", "robot", "HAL 9000", "c++"]
ENGINES: list[Matcher] = [HyperscanMatcher(TERMS), RegexMatcher(TERMS)]


@pytest.mark.parametrize("engine", ENGINES, ids=["hyperscan", "re"])
@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("AI", ["ai"]),
        ("the AI's goals; (ai)", ["ai"]),
        ("said, Hawaii, air, a i", []),
        ("AI_3", []),
        ("An A.I. wrote C++.", ["a.i.", "c++"]),
        ("two AI\n  labs", ["ai", "ai labs"]),
        ("an AI-lab and X risk, X-Risk", ["ai", "ai lab", "x-risk"]),
        ("my p(doom) is low, said HAL-9000", ["p(doom)", "HAL 9000"]),
        ("robots", []),
        ("ai\x00robot", ["ai", "robot"]),
        ("\uff21\uff29 and ro\u00adbot", ["ai", "robot"]),
        ("a\u00ef and \u00e9ai and \u4eaai", ["ai"]),
        ("x\u2011risk, AI\u2019s", ["ai", "x-risk"]),
    ],
)
def test_terms_are_found_whole_in_any_case_and_spelling(engine: Matcher, text: str, terms: list[str]) -> None:
    (found,) = engine.find([normalize(text)])
    assert {TERMS[n] for n in found} == set(terms)


@pytest.fixture(scope="module")
def engines(blocklist: Blocklist) -> tuple[HyperscanMatcher, RegexMatcher]:
    terms = [term for _, term in blocklist.terms]
    return HyperscanMatcher(terms), RegexMatcher(terms)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_both_engines_find_the_same_terms_and_decide_alike(
    blocklist: Blocklist, engines: tuple[HyperscanMatcher, RegexMatcher], data: st.DataObject
) -> None:
    terms = [term for _, term in blocklist.terms]
    fast, plain = engines
    word = st.one_of(
        st.sampled_from(terms),
        st.sampled_from(terms).map(str.upper),
        st.sampled_from(terms).map(lambda term: term[:-1]),
        st.sampled_from(terms).map(lambda term: term.replace(" ", "\n\t")),
        st.sampled_from(["the", "\n", "-", "_", "\u00e9", "\u2019s", "\u200b", "\0", "3", ".", "a"]),
        st.text(max_size=5),
    )
    gap = st.sampled_from([" ", "", "\n", "-", ", ", "  ", " -\n"])
    text = st.lists(st.tuples(word, gap), max_size=12).map(lambda parts: normalize("".join(a + b for a, b in parts)))
    texts = data.draw(st.lists(text, max_size=4))
    found = fast.find(texts)
    assert found == plain.find(texts)
    assert found == [numbers for text in texts for numbers in fast.find([text])], "neighbours change nothing"
    assert [blocklist.decide(numbers) for numbers in found] == [blocklist.decide(n) for n in plain.find(texts)]


def test_a_term_is_never_found_across_two_texts() -> None:
    texts = [b"an AI", b"lab of X", b"", b"risk"]
    for engine in ENGINES:
        assert [{TERMS[n] for n in found} for found in engine.find(texts)] == [{"ai"}, set(), set(), set()]


def test_texts_beyond_one_scan_are_told_apart() -> None:
    texts = [b"x" * 1_500_000, b"robot", b"y" * 3_000_000, b"ai", b"z" * 5_000_000, b"none", b"robot"]
    found = ENGINES[0].find(texts)
    assert [number for number, terms in enumerate(found) if terms] == [1, 3, 6]


@given(st.text())
def test_normalizing_gives_ascii_and_keeps_ascii(text: str) -> None:
    normalize(text).decode("ascii")
    plain = text.encode("ascii", "ignore")
    assert normalize(plain.decode()) == plain
