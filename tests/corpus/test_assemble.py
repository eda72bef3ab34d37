import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.corpus.assemble import mix_in, read_sources, split_heldout
from alignment_pretraining.corpus.config import CorpusConfig
from alignment_pretraining.errors import UserError


def _config(*sources: dict) -> CorpusConfig:
    return CorpusConfig(seed=0, sources=list(sources), natural_discourse_share=0, heldout_share=0, repeat=False)


def _frame(prefix: str, count: int, text: str) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"{prefix}{n}" for n in range(count)], "text": text, "source": prefix})


def test_sources_follow_one_another_up_to_their_size(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "four"}\n' * 5)
    frame, _ = read_sources(
        _config({"files": str(tmp_path / "a.jsonl"), "max_bytes": 9}, {"files": str(tmp_path / "b.jsonl")})
    )
    assert frame.source.value_counts().to_dict() == {"b.jsonl": 5, "a.jsonl": 2}


def test_a_source_without_a_document_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(UserError, match=r"corpus\.sources\[0\] holds no document: .*empty\.jsonl"):
        read_sources(_config({"files": str(tmp_path / "empty.jsonl")}))
    (tmp_path / "body.jsonl").write_text('{"body": "x"}\n' * 2)
    with pytest.raises(UserError, match=r"holds no document.*the first row: no column 'text' \(it has body\)"):
        read_sources(_config({"files": str(tmp_path / "body.jsonl")}))


GOOD = {"text": "fine"}
BAD: dict[str, bytes] = {
    "empty": b'{"text": " "}',
    "holds a NUL character": b'{"text": "a\\u0000b"}',
    "not UTF-8": b'{"text": "\xff"}',
    "not JSON": b'{"text": ',
    "no column 'text'": b'{"body": "x"}',
    "column 'text' is NoneType": b'{"text": null}',
    "101 bytes, more than corpus.max_document_bytes": b'{"text": "%s"}' % (b"x" * 101),
}


@given(kinds=st.lists(st.sampled_from(["good", *BAD]), max_size=20))
def test_every_row_is_a_document_or_in_quarantine_with_its_reason(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "docs.jsonl"
    lines = [json.dumps(GOOD).encode() if kind == "good" else BAD[kind] for kind in ["good", *kinds]]
    path.write_bytes(b"\n".join(lines))
    config = _config({"files": str(path)}).model_copy(update={"max_document_bytes": 100})
    documents, quarantine = read_sources(config)
    assert len(documents) + len(quarantine) == len(lines)
    assert documents.id.tolist() == [f"docs.jsonl:{n}" for n, kind in enumerate(["good", *kinds], 1) if kind == "good"]
    wrong = [kind for kind in kinds if kind != "good"]
    assert all(reason.startswith(kind) for kind, reason in zip(wrong, quarantine.reason, strict=True))


def test_a_repeated_id_is_kept_out(tmp_path: Path) -> None:
    (tmp_path / "twice.jsonl").write_text('{"text": "x", "id": "k"}\n' * 2)
    documents, quarantine = read_sources(_config({"files": str(tmp_path / "twice.jsonl"), "id": "id"}))
    assert len(documents) == 1
    assert quarantine[["source", "row"]].values.tolist() == [["twice.jsonl", "k"]]
    assert quarantine.reason[0].startswith("repeats an id")


def test_natural_discourse_takes_its_share_of_the_bytes() -> None:
    mixed = mix_in(_frame("base", 90, "x" * 100), _frame("web", 500, "y" * 10), share=0.1, seed=1)
    assert (mixed.source == "natural_discourse").sum() == 100
    assert mixed.id.is_unique
    assert mixed.equals(mix_in(_frame("base", 90, "x" * 100), _frame("web", 500, "y" * 10), share=0.1, seed=1))
    assert len(mix_in(_frame("base", 90, "x"), _frame("web", 0, "y"), share=0, seed=1)) == 90


def test_too_little_natural_discourse_is_an_error_with_the_numbers() -> None:
    with pytest.raises(UserError, match=r"share 0.5 asks for 9,000 bytes of natural discourse, but there are 50"):
        mix_in(_frame("base", 90, "x" * 100), _frame("web", 5, "y" * 10), share=0.5, seed=1)


def test_a_document_keeps_its_side_as_the_corpus_grows() -> None:
    kept, heldout = split_heldout(_frame("d", 1000, "x"), 0.1)
    assert 50 < len(heldout) < 150
    assert len(kept) + len(heldout) == 1000
    _, more = split_heldout(_frame("d", 2000, "x"), 0.1)
    assert set(heldout.id) <= set(more.id)
