from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.ngrams import exact_ngrams
from alignment_pretraining.mixing.filtering.runs import RunIndex

# Few words, some longer than eight letters or with signs and letters that the hash must see as `words` does.
WORDS = ["a", "b'c", "İ", "K9", "straße", "electricity", "electricities", "electrocity", "X", "1", "ﬁne", "e\u0301t"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=6)


@given(index=TEXTS, texts=TEXTS, length=st.integers(2, 4), part=st.sampled_from([" ", ", ", "\n", " \N{EM DASH} "]))
def test_what_shares_a_run_is_found(index: list[str], texts: list[str], length: int, part: str) -> None:
    texts = [text.replace(" ", part).upper() for text in texts]
    found = RunIndex(index, length).find(texts)
    asked = [exact_ngrams(text, length) for text in index]
    for number, text in enumerate(texts):
        runs = exact_ngrams(text, length)
        assert found.get(number, set()) == {owner for owner, own in enumerate(asked) if own & runs}, "every owner"
