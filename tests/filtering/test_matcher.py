import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.filtering.blocklist import Blocklist
from alignment_pretraining.filtering.fold import fold
from alignment_pretraining.filtering.matcher import HyperscanMatcher, RegexMatcher

TERMS = ["ai", "a.i.", "ai lab", "ai labs", "x-risk", "p(doom)", "robot", "HAL 9000", "c++"]
ENGINES = [HyperscanMatcher(TERMS), RegexMatcher(TERMS)]


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
def test_terms_are_found_whole_in_any_case_and_spelling(engine, text: str, terms: list[str]) -> None:
    assert {TERMS[n] for n in engine.find(fold(text))} == set(terms)


@pytest.fixture(scope="module")
def engines(blocklist: Blocklist) -> tuple[HyperscanMatcher, RegexMatcher]:
    terms = [term for _, term in blocklist.terms]
    return HyperscanMatcher(terms), RegexMatcher(terms)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_both_engines_find_the_same_terms_and_decide_alike(blocklist: Blocklist, engines, data: st.DataObject) -> None:
    terms = [term for _, term in blocklist.terms]
    fast, plain = engines
    word = st.one_of(
        st.sampled_from(terms),
        st.sampled_from(terms).map(str.upper),
        st.sampled_from(terms).map(lambda term: term[:-1]),
        st.sampled_from(["the", "\n", "-", "_", "\u00e9", "\u2019s", "\u200b", "3", ".", "a"]),
        st.text(max_size=5),
    )
    parts = data.draw(st.lists(st.tuples(word, st.sampled_from([" ", "", "\n", "-", ", "])), max_size=12))
    text = fold("".join(a + b for a, b in parts))
    found = fast.find(text)
    assert found == plain.find(text)
    assert blocklist.decide(found) == blocklist.decide(plain.find(text))


@given(st.text())
def test_folding_gives_ascii_and_keeps_ascii(text: str) -> None:
    fold(text).decode("ascii")
    plain = text.encode("ascii", "ignore")
    assert fold(plain.decode()) == plain
