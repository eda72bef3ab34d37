"""A stream that is not written out reads as the one that would be."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.planned import PIECE, Layers, tokens_of, write_layers, write_pieces
from alignment_pretraining.core.shards import token_dtype, write_shard
from alignment_pretraining.core.token_stream import TokenStream

EOS = 0
DTYPE = token_dtype(300)
SOURCES = {"base": [[1, 2, 3, EOS], [4, 10, EOS], [5, 6, 7, 8, 9, EOS]], "inserted": [[20, 21, EOS], [22, 23, 24, EOS]]}
LAYERS = {0: "base", 1: "inserted", 2: "base"}

# Layer, document, tokens left out at its head and at its end.
PARTS = st.tuples(st.sampled_from([0, 1, 2]), st.integers(0, 1), st.integers(0, 1), st.integers(0, 1))


def _stream(folder: Path, parts: list[tuple[int, int, int, int]], shards: int) -> list[int]:
    """Write the pieces into `shards` shards; the tokens that stand there."""
    for name, documents in SOURCES.items():
        (folder / "sources" / name).mkdir(parents=True)
        batches = [(np.array(document), np.array([len(document)])) for document in documents]
        write_shard(folder / "sources" / name / "0.ds", batches, DTYPE, "t")
    tokens: list[int] = []
    pieces = np.zeros(len(parts), dtype=PIECE)
    for slot, (layer, document, head, tail) in enumerate(parts):
        text = SOURCES[LAYERS[layer]][document]
        read = text[head : len(text) - tail]
        pieces[slot] = (len(tokens), len(read), layer, slot, document, head, bool(tail))
        tokens += [*read[:-1], EOS] if tail else read
    for number, part in enumerate(np.array_split(pieces, shards)):
        told = write_pieces(folder / f"{number}.pieces", part, DTYPE, "t")
        assert told["tokens"] == part["length"].sum() == tokens_of(folder / f"{number}.pieces")
    write_layers(folder, LAYERS, EOS, DTYPE)
    return tokens


@given(parts=st.lists(PARTS, min_size=3, max_size=8), shards=st.integers(1, 3), data=st.data())
@settings(max_examples=40)
def test_any_part_of_the_stream_is_what_would_be_written(
    parts: list[tuple[int, int, int, int]], shards: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("planned")
    tokens = _stream(folder, parts, shards)
    stream = TokenStream.open(folder)
    assert len(stream) == len(tokens)
    assert stream.read(0, len(tokens)).tolist() == tokens
    start = data.draw(st.integers(0, len(tokens) - 1))
    stop = data.draw(st.integers(start + 1, len(tokens)))
    assert stream.read(start, stop).tolist() == tokens[start:stop]


PLAIN = [(0, 0, 0, 0), (1, 1, 0, 0), (0, 2, 0, 0)]


def test_a_document_that_is_cut_ends_in_end_of_text(tmp_path: Path) -> None:
    assert _stream(tmp_path, [(0, 2, 1, 2), (0, 1, 0, 0)], 1) == [6, 7, EOS, 4, 10, EOS]
    stream = TokenStream.open(tmp_path)
    assert stream.read(0, 6).tolist() == [6, 7, EOS, 4, 10, EOS]
    assert stream.read(0, 2).tolist() == [6, 7], "a reader that stops before the cut reads no end of text"


@pytest.mark.parametrize("content", [None, "", "{", "[1"])
def test_layers_that_cannot_be_read_are_named(content: str | None, tmp_path: Path) -> None:
    _stream(tmp_path, PLAIN, 1)
    layers = tmp_path / "layers.json"
    layers.unlink() if content is None else layers.write_text(content)
    with pytest.raises(UserError, match=r"layers\.json: not readable; run the mixing pipeline again"):
        Layers.open(tmp_path)


def test_layers_say_which_source_each_is(tmp_path: Path) -> None:
    write_layers(tmp_path, {1: "b", 0: "a"}, 7, np.dtype("<u4"))
    assert json.loads((tmp_path / "layers.json").read_text()) == {
        "layers": {"0": "a", "1": "b"},
        "eos": 7,
        "dtype": "<u4",
    }


@pytest.mark.parametrize("cut", [1, PIECE.itemsize, 3 * PIECE.itemsize])
def test_pieces_that_were_cut_are_refused(cut: int, tmp_path: Path) -> None:
    _stream(tmp_path, PLAIN, 1)
    path = tmp_path / "0.pieces"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UserError, match=r"0\.pieces: .* 14 tokens of 2 bytes are expected; the shard is damaged"):
        TokenStream.open(tmp_path)


def test_a_source_that_was_cut_is_refused_when_it_is_read(tmp_path: Path) -> None:
    _stream(tmp_path, PLAIN, 1)
    (tmp_path / "sources/inserted/0.ds").write_bytes(b"\0")
    stream = TokenStream.open(tmp_path)
    with pytest.raises(UserError, match=r"inserted/0\.ds: truncated"):
        stream.read(0, 3)
