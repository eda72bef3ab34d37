"""Names of any bytes are hashed like others; what is no file is refused, not waited for."""

import os
from pathlib import Path

import pytest

from alignment_pretraining.core.digests import use_cache
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import dvc_hash, file_sha256


def test_a_name_that_is_not_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIGNMENT_PRETRAINING_DIGESTS", "")
    folder = tmp_path / "data"
    folder.mkdir()
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.jsonl"))
    odd.write_text("one")
    without = dvc_hash(folder)
    (tmp_path / "cache").mkdir()
    use_cache(tmp_path / "cache")
    assert [dvc_hash(folder), dvc_hash(folder)] == [without, without]
    odd.write_text("other")
    assert dvc_hash(folder) != without


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "corpus.jsonl"
    os.mkfifo(pipe)
    for read in (dvc_hash, file_sha256):
        with pytest.raises(UserError, match="no regular file"):
            read(pipe)
    with pytest.raises(UserError, match="no regular file"):
        dvc_hash(tmp_path)
