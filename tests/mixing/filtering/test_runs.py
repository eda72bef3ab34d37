from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.ngrams import ngrams
from alignment_pretraining.mixing.filtering.runs import RunIndex

# Few words, some longer than eight letters or with signs and letters that the hash must see as `words` does.
WORDS = ["a", "b'c", "İ", "K9", "straße", "electricity", "electricities", "electrocity", "X", "1", "ﬁne", "e\u0301t"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=6)


@given(index=TEXTS, texts=TEXTS, length=st.integers(2, 4), part=st.sampled_from([" ", ", ", "\n", " \N{EM DASH} "]))
def test_what_shares_a_run_is_found(index: list[str], texts: list[str], length: int, part: str) -> None:
    texts = [text.replace(" ", part).upper() for text in texts]
    found = RunIndex(index, length).find(texts)
    for number, text in enumerate(texts):
        runs = {gram for gram in ngrams(text, length) if len(gram) == length}
        owners: dict[tuple[str, ...], int] = {}
        for owner, asked in enumerate(index):
            owners |= dict.fromkeys((gram for gram in ngrams(asked, length) if len(gram) == length), owner)
        assert found.get(number, set()) == {owners[gram] for gram in runs & owners.keys()}
