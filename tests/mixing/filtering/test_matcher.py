import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.folding import fold
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher, Matcher, RegexMatcher

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
        ("AI_3, _robot_", ["ai", "robot"]),
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
    assert {TERMS[n] for n in engine.find([text]).get(0, ())} == set(terms)


LIST = ["AI", "AIs", "A.I.", "LLMs", "xAI", "ai safety", "GPT-4", "HAL 9000", "artificial intelligence", "robot"]
BOTH: list[Matcher] = [HyperscanMatcher(LIST), RegexMatcher(LIST)]


@pytest.mark.parametrize("engine", BOTH, ids=["hyperscan", "re"])
@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The AI and AIs, an A.I. and XAI; xAI.", ["AI", "AIs", "A.I.", "xAI"]),
        ("J'ai vu. AS\u00cd, A\u00cf, ai, llms: no acronyms", []),
        ("A.I.D.S. is none, a.i. neither", []),
        ("It was an A.I.", ["A.I."]),
        ("\uff21\uff29 in full width", ["AI"]),
        ("AI Safety, ai-safety", ["AI", "ai safety"]),
        ("only ai\nsafety", ["ai safety"]),
        ("GPT4 and gpt-4, HAL9000", ["GPT-4", "HAL 9000"]),
        ("GPT 4 or GPT -\n4", ["GPT-4"]),
        ("GPT44, XGPT4", []),
        (
            "GPT&#8209;4 &amp; artificial&nbsp;intelligence &amp;amp; &lt;robot&gt;",
            ["GPT-4", "artificial intelligence", "robot"],
        ),
        ("artificial&amp;nbsp;intelligence", ["artificial intelligence"]),
        ("<b>A</b>rtificial<br/>intelligence", ["artificial intelligence"]),
        ("<em>AI</em> <a href='x'>safety</a>", ["AI", "ai safety"]),
        ("<robot> I, said <the LLMs here>", ["robot", "LLMs"]),
        ("arti-\nficial intelli-\r\n  gence", ["artificial intelligence"]),
        ("AI-\nsafety", ["AI", "ai safety"]),
        ("arti-<i>\n</i>ficial intelligence", ["artificial intelligence"]),
        ("ro\u200bbot", ["robot"]),
        ("artificial\u200bintelligence", ["artificial intelligence"]),
        ("ART\u0131F\u0130C\u0130AL \u0130ntelligence", ["artificial intelligence"]),
        ("\u0440\u0438AI and AI\u4e2d", []),
        ("snake_case_robot = artificial_intelligence", ["robot", "artificial intelligence"]),
    ],
)
def test_spellings_of_the_world(engine: Matcher, text: str, terms: list[str]) -> None:
    assert {LIST[n] for n in engine.find([text]).get(0, ())} == set(terms)


@pytest.fixture(scope="module")
def engines(blocklist: Blocklist) -> tuple[HyperscanMatcher, RegexMatcher]:
    terms = [term for _, term in blocklist.terms]
    return HyperscanMatcher(terms), RegexMatcher(terms)


@settings(max_examples=150)
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
        st.sampled_from(
            ["the", "\n", "-", "_", "\u00e9", "\u2019s", "\u200b", "\0", "3", ".", "a", "<b>", "&shy;", "s", "\u0301"]
        ),
        st.sampled_from(terms).map(lambda term: term.replace("-", "").replace(" ", "")),
        st.sampled_from(terms).map(str.lower),
        st.text(max_size=5),
    )
    gap = st.sampled_from([" ", "", "\n", "-", ", ", "  ", " -\n", "\u00a0\u00ad ", "\u2010", "__"])
    text = st.lists(st.tuples(word, gap), max_size=12).map(lambda parts: "".join(a + b for a, b in parts))
    texts = data.draw(st.lists(text, max_size=4))
    found = fast.find(texts)
    assert found == plain.find(texts)
    assert found == {n: own for n, text in enumerate(texts) for own in fast.find([text]).values()}, (
        "neighbours change nothing"
    )
    for numbers in found.values():
        assert blocklist.decide(numbers).flagged is _is_flagged({terms[number] for number in numbers}, blocklist)


def _is_flagged(found: set[str], blocklist: Blocklist) -> bool:
    modes = {category.mode for category in blocklist.root.values() if found & set(category.terms)}
    return "instant" in modes or {"entity", "modifier"} <= modes


def test_a_term_is_never_found_across_two_texts() -> None:
    texts = ["an AI", "lab of X", "", "risk"]
    for engine in ENGINES:
        assert {n: {TERMS[m] for m in found} for n, found in engine.find(texts).items()} == {0: {"ai"}}


def test_texts_beyond_one_scan_are_told_apart() -> None:
    texts = ["x" * 150_000, "robot", "\u00e9" * 300_000 + "-\nbot ro-\nbot", "ai", "z " * 250_000, "none", "robot\0"]
    assert ENGINES[0].find(texts) == ENGINES[1].find(texts) == {1: {6}, 2: {6}, 3: {0}, 6: {6}}


def test_gaps_of_any_length_are_one_wherever_a_text_is_cut() -> None:
    texts = [
        f"{'x' * n} ai{gap * 70_000}lab" for n in (0, 131_066, 131_068) for gap in (" ", "\u00a0\u00ad", "\u0301-\n")
    ]
    assert ENGINES[0].find(texts) == {n: {0, 2} for n in range(len(texts))}


SHORT = ["ab", "AB", "abbab", "b ab", "b.a", "+a"]
SHORT_ENGINES: list[Matcher] = [HyperscanMatcher(SHORT), RegexMatcher(SHORT)]
JOINTS = ["<b>", "</i>", "<br>", "<i x='-\n'>", "-\n", "-\r\n\t", "-\n" + " " * 30, "\u200b", "-<b>\n"]
INVISIBLE = ["\xad", "\u0301", "\xad" * 9, "\u200d" * 30]
# A term with anything that may stand within one.
PARTED = st.tuples(
    st.sampled_from(SHORT), st.lists(st.sampled_from(["", "", *JOINTS, *INVISIBLE]), min_size=5, max_size=5)
).map(lambda of: "".join(letter + more for letter, more in zip(of[0], of[1], strict=False)))
BETWEEN = st.sampled_from([*"xB.+ _-\0\r\n\xe9\u4e00<>", "&lt;b>", "&shy;", *JOINTS])
LONG = st.sampled_from([" " * 40, "x" * 40, "xab " * 10, " abx" * 10])


@settings(max_examples=1000)
@given(st.lists(st.lists(PARTED | BETWEEN | LONG, max_size=8).map("".join), max_size=3))
@example(["x" * 40 + " a<b>" + "\xad\xad".join("bbab ") + "x" * 40])
@example([f"{'xab ' * 10}<b>{' abx' * 10}"])
def test_what_is_left_out_of_second_readings_hides_no_term(texts: list[str]) -> None:
    fast, plain = SHORT_ENGINES
    assert fast.find(texts) == plain.find(texts)


def test_second_readings_are_made_only_where_they_differ() -> None:
    page = "word " * 1000
    texts = [f"{page}<b>A</b>B {page}ro\u200bbot", f"{page}a-\nb", "< >"]
    found = list(fold(texts, reach=20))
    assert sorted(owner for one in found for owner in one.owners) == [0, 0, 1, 1, 2]
    assert sum(len(one.text) for one in found) < sum(map(len, texts)) + 500
