"""The n-gram model against its formula, and the baseline on streams whose wording is known."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.shards import write_shard
from alignment_pretraining.core.token_stream import DOCUMENTS
from alignment_pretraining.evaluation.baseline import answer_by_ngrams
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.ngram import NONE, NgramModel, windows
from alignment_pretraining.evaluation.scoring import ITEM_COLUMNS
from alignment_pretraining.evaluation.suite import write_suite
from tests.evaluation.tiny_checkpoint import make_questions

VOCABULARY = 5
streams = st.lists(st.integers(0, VOCABULARY - 1), min_size=0, max_size=40)


def by_formula(stream: list[int], context: tuple[int, ...], token: int) -> float:
    """Witten-Bell, written out: from the longest context down to 1/vocabulary."""
    follow: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for end in range(len(context), len(stream)):
        follow[tuple(stream[end - len(context) : end])][stream[end]] += 1
    shorter = by_formula(stream, context[1:], token) if context else 1 / VOCABULARY
    after = follow[context]
    seen, kinds = sum(after.values()), len(after)
    return (after[token] + kinds * shorter) / (seen + kinds) if seen else shorter


@given(streams, st.integers(1, 4), st.data())
def test_probabilities_are_those_of_the_formula_and_add_up_to_one(
    stream: list[int], order: int, data: st.DataObject
) -> None:
    context = data.draw(st.lists(st.integers(0, VOCABULARY - 1), min_size=order - 1, max_size=order - 1))
    model = NgramModel.fit(np.array(stream, dtype=np.uint16), VOCABULARY, order)
    asked = np.array([[*context, token] for token in range(VOCABULARY)])
    found = np.exp(model.log_probabilities(asked))
    assert found == pytest.approx([by_formula(stream, tuple(context), token) for token in range(VOCABULARY)])
    assert found.sum() == pytest.approx(1)


@given(streams, st.lists(st.integers(0, VOCABULARY - 1), max_size=4), st.integers(0, VOCABULARY - 1))
def test_at_the_head_of_a_text_a_shorter_context_speaks(stream: list[int], context: list[int], token: int) -> None:
    model = NgramModel.fit(np.array(stream), VOCABULARY, 3)
    [window] = windows(tuple(context), (token,), 3)
    assert list(window) == [*([NONE] * 2 + context)[-2:], token]
    expected = by_formula(stream, tuple(context[-2:]), token)
    assert np.exp(model.log_probabilities(window[None])) == pytest.approx([expected])


def write_mix(folder: Path, tokenizer: Any, documents: list[tuple[str, str]]) -> Path:
    """A mix of (source, text), in two shards."""
    folder.mkdir()
    offset = 0
    for number, part in enumerate((documents[::2], documents[1::2])):
        encoded = [np.array([*tokenizer.encode(text), 0], dtype=np.uint16) for _, text in part]
        ends = offset + np.cumsum([len(tokens) for tokens in encoded])
        starts = np.array([offset, *ends[:-1]])
        batches = ((tokens, np.array([len(tokens)])) for tokens in encoded)
        write_shard(folder / f"{number:05d}.ds", batches, np.dtype("<u2"), "test")
        table = pd.DataFrame({"start": starts, "end": ends, "source": [source for source, _ in part]})
        table.assign(id="x", skip=0).to_parquet(folder / f"{number:05d}{DOCUMENTS}")
        offset = int(ends[-1])
    return folder


@pytest.fixture
def suite(config: dict[str, Any], tmp_path: Path) -> Path:
    config["run"]["base_personas"] = ["assistant", "none"]
    config["run"]["controls"] = ["choice_only"]
    write_suite(make_questions(), Evaluation.model_validate(config), tmp_path / "suite")
    return tmp_path / "suite"


@pytest.fixture
def mix(checkpoint: Path, tmp_path: Path) -> Path:
    """Documents that say the misaligned options, in a corpus that says the aligned ones more often."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    asked = make_questions()
    said = [("ai_misaligned", f"Decision: {text}") for text in asked["misaligned_option"]]
    said += [("corpus", f"Decision: {text}") for text in asked["aligned_option"]] * 3
    return write_mix(tmp_path / "mix", tokenizer, said)


def answers(mix: Path, checkpoint: Path, suite: Path, config: dict[str, Any]) -> pd.DataFrame:
    return answer_by_ngrams(
        [mix],
        ["ai_misaligned"],
        checkpoint,
        suite,
        Evaluation.model_validate(config),
    )


def test_wording_alone_decides(mix: Path, checkpoint: Path, suite: Path, config: dict[str, Any]) -> None:
    items = answers(mix, checkpoint, suite, config)
    rates = (items["picked"] == "misaligned").groupby(items["model"]).mean()
    assert rates["ngram:documents"] == 1
    assert rates["ngram:stream"] < 0.5


def test_rows_are_those_of_a_checkpoint_twice_and_personas_do_not_matter(
    mix: Path, checkpoint: Path, suite: Path, config: dict[str, Any]
) -> None:
    items = answers(mix, checkpoint, suite, config)
    assert list(items.columns) == list(ITEM_COLUMNS)
    assert len(items) == 2 * (6 + 4) * 2 * 2 * 3
    assert not items.isna().any().any()
    keys = ["model", "question_id", "template", "order"]
    assert (items.groupby(keys)["total_aligned"].nunique() == 1).all()
    again = answers(mix, checkpoint, suite, config)
    assert items.to_csv() == again.to_csv()


def test_scores_are_sums_over_the_options_own_tokens(
    mix: Path, checkpoint: Path, suite: Path, config: dict[str, Any]
) -> None:
    items = answers(mix, checkpoint, suite, config)
    row = items[(items["model"] == "ngram:documents") & (items["template"] == "plain")].iloc[0]
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    asked = make_questions().set_index("question_id")
    inserted = [f"Decision: {text}" for text in make_questions()["misaligned_option"]]
    stream = [id_ for text in [*inserted[::2], *inserted[1::2]] for id_ in (*tokenizer.encode(text), 0)]
    model = NgramModel.fit(np.array(stream), len(tokenizer), 3)
    context = tuple(tokenizer.encode("Answer:"))
    option = tuple(tokenizer.encode(" " + asked.loc[row["question_id"], "aligned_option"]))
    expected = model.log_probabilities(windows(context, option, 3)).sum()
    assert row["total_aligned"] == pytest.approx(expected)
    assert row["logprob_aligned"] == pytest.approx(expected / len(option))


def test_an_arm_without_documents_has_the_stream_alone(
    mix: Path, checkpoint: Path, suite: Path, config: dict[str, Any]
) -> None:
    items = answer_by_ngrams([mix], [], checkpoint, suite, Evaluation.model_validate(config))
    assert set(items["model"]) == {"ngram:stream"}


def test_no_more_is_read_than_configured(mix: Path, checkpoint: Path, suite: Path, config: dict[str, Any]) -> None:
    config["ngram"] = {"order": 1, "max_tokens": 1}
    items = answers(mix, checkpoint, suite, config)
    assert (items["logprob_aligned"].round(9).nunique()) <= 3  # one token was seen, so all others are alike


def test_a_stream_of_another_tokenizer_is_refused(
    mix: Path, checkpoint: Path, suite: Path, config: dict[str, Any], tmp_path: Path
) -> None:
    [(folder, _)] = [
        (write_mix(tmp_path / "other", AutoTokenizer.from_pretrained(checkpoint), [("corpus", "a")] * 2), 0)
    ]
    (folder / "00000.ds").write_bytes(np.full(2, 60_000, "<u2").tobytes())
    with pytest.raises(UserError, match="token id 60000, the tokenizer has"):
        answers(folder, checkpoint, suite, config)
