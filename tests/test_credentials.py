"""The API key comes from the environment or from one file, and no message ever holds it."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.credentials import VARIABLE, CredentialsHooks


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key in the environment; what a test puts there is taken away after it."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)


def _read(root: Path, content: str | bytes | None) -> str | None:
    """The key in the environment once a command has begun with this file."""
    if content is not None:
        (root / "conf/local").mkdir(parents=True)
        data = content if isinstance(content, bytes) else content.encode()
        (root / "conf/local/credentials.yml").write_bytes(data)
    context: Any = SimpleNamespace(project_path=root)
    CredentialsHooks().after_context_created(context)
    return os.environ.get(VARIABLE)


def test_the_key_is_put_where_the_sdk_looks(tmp_path: Path) -> None:
    assert _read(tmp_path, "anthropic: {api_key: sk-ant-1}\n") == "sk-ant-1"


def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "sk-ant-2")
    assert _read(tmp_path, "anthropic: {api_key: sk-ant-1}\n") == "sk-ant-2"


@pytest.mark.parametrize("content", [None, "", "# nothing yet\n", "s3: {key: a}\n", "anthropic: {api_key: }\n"])
def test_without_a_key_there_is_none(tmp_path: Path, content: str | None) -> None:
    assert _read(tmp_path, content) is None


@pytest.mark.parametrize(
    "content",
    [
        "sk-ant-secret\n",
        "- anthropic: {api_key: sk-ant-secret}\n",
        "anthropic: sk-ant-secret\n",
        "anthropic: {key: sk-ant-secret}\n",
        "anthropic: [sk-ant-secret]\n",
        "anthropic:\n",
        "anthropic: {api_key: sk-ant-secret\n",
        "anthropic: {api_key: 2026-02-30, name: sk-ant-secret}\n",
        b"anthropic: {api_key: sk-ant-secret\xff}\n",
    ],
)
def test_another_form_is_refused_without_saying_what_stands_there(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(UserError) as error:
        _read(tmp_path, content)
    assert str(error.value) == (
        f"{tmp_path}/conf/local/credentials.yml: not of the form 'anthropic: {{api_key: …}}'; correct or remove it"
    )
    assert error.value.__suppress_context__, "a traceback would show the file's content"
    assert VARIABLE not in os.environ
