"""A tokenizer that there is already, of the shape of GPT-NeoX-20B's: spaces in a row are tokens, texts are composed."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.outside import is_remote, outside_digest, outside_inputs
from alignment_pretraining.mixing.config import TokenizerConfig
from alignment_pretraining.mixing.tokens.encoders import FastEncoder, PlainEncoder, encoder
from alignment_pretraining.mixing.tokens.existing import use_tokenizer
from alignment_pretraining.mixing.tokens.tokenizer import end_of_text

COMMIT = "c" * 40


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's folder: `tokenizer.json`, cutting texts at four tokens, and a `tokenizer_config.json`."""
    folder = tmp_path_factory.mktemp("theirs")
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|padding|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=280, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(["the cat sat on the mat and the cats on the mats"] * 3, trainer)
    made.add_tokens([AddedToken(" " * n, normalized=True) for n in range(6, 1, -1)])
    made.enable_truncation(4)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "<|endoftext|>"}}))
    return folder


@pytest.fixture(scope="module")
def ours(theirs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ours")
    use_tokenizer(str(theirs), None, 300, 64, folder)
    return folder


PIECES = st.sampled_from(["the", " cat", "  ", "      ", "\n", "cafe\u0301", "<|endoftext|>", "\t", "x"])


@settings(max_examples=50)
@given(texts=st.lists(st.one_of(st.text(), st.lists(PIECES).map("".join)), max_size=4))
def test_texts_have_the_ids_that_they_had_whole(theirs: Path, ours: Path, texts: list[str]) -> None:
    before = Tokenizer.from_file(str(theirs / "tokenizer.json"))
    before.no_truncation()
    before.encode_special_tokens = True
    expected = [before.encode(text, add_special_tokens=False).ids for text in texts]
    for engine in (encoder(ours), PlainEncoder(ours)):
        ids, counts = engine(texts)
        assert ids.tolist() == [token for own in expected for token in own]
        assert counts.tolist() == [len(own) for own in expected]


def test_it_has_what_the_study_needs_behind_its_own_entries(theirs: Path, ours: Path) -> None:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(ours)
    before = Tokenizer.from_file(str(theirs / "tokenizer.json")).get_vocab()
    assert before.items() < loaded.get_vocab().items()
    assert len(loaded) == len(before) + 5  # padding, three roles, end of turn
    assert (loaded.eos_token, loaded.pad_token, loaded.model_max_length) == ("<|endoftext|>", "<|pad|>", 64)
    chat: Any = loaded.apply_chat_template([{"role": "user", "content": "the cat"}], return_dict=False)
    assert loaded.decode(chat) == "<|user|>the cat<|end|>"
    assert end_of_text(ours) == "<|endoftext|>"


def test_its_own_padding_and_template_stay(theirs: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    said = {"eos_token": "<|endoftext|>", "pad_token": "<|padding|>", "chat_template": "{{ messages[0]['content'] }}!"}
    (tmp_path / "theirs").mkdir()
    for name, text in (("tokenizer.json", (theirs / "tokenizer.json").read_text()), ("tokenizer_config.json", said)):
        (tmp_path / "theirs" / name).write_text(text if isinstance(text, str) else json.dumps(text))
    use_tokenizer(str(tmp_path / "theirs/tokenizer.json"), None, 300, 64, tmp_path / "ours")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "ours")
    assert loaded.pad_token == "<|padding|>"
    assert loaded.apply_chat_template([{"role": "user", "content": "so"}], tokenize=False) == "so!"
    assert len(loaded) == Tokenizer.from_file(str(theirs / "tokenizer.json")).get_vocab_size()


def test_the_fast_encoder_is_left_where_it_gives_other_ids(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gigatoken")
    assert isinstance(encoder(ours), FastEncoder)
    encoder.__globals__["_encoder"].cache_clear()
    right = FastEncoder.__call__

    def wrong(self: FastEncoder, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        ids, counts = right(self, [text.replace("  ", " ") for text in texts])
        return ids, counts

    monkeypatch.setattr(FastEncoder, "__call__", wrong)
    assert isinstance(encoder(ours), PlainEncoder)
    encoder.__globals__["_encoder"].cache_clear()


def test_what_cannot_be_used_is_said(theirs: Path, tmp_path: Path) -> None:
    entries = Tokenizer.from_file(str(theirs / "tokenizer.json")).get_vocab_size()
    with pytest.raises(UserError, match=rf"has {entries + 5} entries, .*_size is {entries}: raise it to"):
        use_tokenizer(str(theirs), None, entries, 64, tmp_path)
    with pytest.raises(UserError, match=r"holds no tokenizer\.json"):
        use_tokenizer(str(tmp_path), None, 300, 64, tmp_path)
    text = (theirs / "tokenizer.json").read_text()
    (tmp_path / "tokenizer.json").write_text(text.replace("endoftext", "end"))
    with pytest.raises(
        UserError, match=r"which token ends a text: .*eos_token \(its special tokens: <\|end\|>, <\|pad"
    ):
        use_tokenizer(str(tmp_path), None, 300, 64, tmp_path / "out")
    (tmp_path / "tokenizer.json").write_text(text[:1000])
    with pytest.raises(UserError, match=r"tokenizer\.json cannot be read"):
        use_tokenizer(str(tmp_path), None, 300, 64, tmp_path / "out")
    for wrong in ({"kind": "existing"}, {"name": "x"}, {"revision": "main"}):
        with pytest.raises(ValidationError, match="belong together"):
            TokenizerConfig.model_validate({"max_bytes": 1, **wrong})


@pytest.fixture
def hub(theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub on this machine with one repository, whose tag v1 has the tokenizer."""
    import huggingface_hub.constants as constants

    files = {path.name: path.read_bytes() for path in theirs.iterdir()} | {"model.safetensors": b"large"}

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = self.path.partition("?")[0]
            if place == "/api/models/someone/neox/revision/v1":
                about = {"id": "someone/neox", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
                self._answer(json.dumps(about).encode())
            elif place.startswith("/api/models/someone/neox/tree/"):
                tree = [{"type": "file", "path": name, "size": len(data), "oid": name} for name, data in files.items()]
                self._answer(json.dumps(tree).encode())
            elif place.startswith(f"/someone/neox/resolve/{COMMIT}/") and not place.endswith("safetensors"):
                self._answer(files[Path(place).name])
            else:
                self.send_error(404)

        do_HEAD = do_GET

        def _answer(self, data: bytes) -> None:
            self.send_response(200)
            for name, value in (
                ("Content-Length", str(len(data))),
                ("X-Repo-Commit", COMMIT),
                ("ETag", f'"{Path(self.path).name}"'),
            ):
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", place)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", place + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield
        server.shutdown()


def test_it_is_had_from_the_hub_by_name_and_revision(hub: None, ours: Path, tmp_path: Path) -> None:
    use_tokenizer("someone/neox", "v1", 300, 64, tmp_path / "ours")
    assert (tmp_path / "ours/tokenizer.json").read_bytes() == (ours / "tokenizer.json").read_bytes()
    params = {"tokenizer": {"kind": "existing", "max_bytes": 1, "name": "someone/neox", "revision": "v1"}}
    [name] = outside_inputs(["params:tokenizer"], params)
    assert name == "model:someone/neox@v1" and is_remote(name)
    assert outside_digest(name, tmp_path) == COMMIT
    with pytest.raises(UserError, match=r"someone/other is no folder here, and model someone/other@main is not"):
        use_tokenizer("someone/other", None, 300, 64, tmp_path / "other")
