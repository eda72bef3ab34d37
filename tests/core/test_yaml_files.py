"""What a user may get wrong in a YAML file is told with file and place, quickly, and runs nothing."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.yaml_files import read_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"arms:\n  a: 1\n  a: 2\n", r"file\.yml, line 3, column 3: key 'a' stands twice"),
        (b"a: !!python/object/apply:os.system [exit]\n", r"line 1, column 4: could not determine a constructor"),
        (b"a: [1\n", r"file\.yml, line 2.*not valid YAML"),
        (b"a: \xff\n", r"byte 3 is not UTF-8"),
        (b"a: 1\n---\na: 2\n", "not valid YAML"),
        (BOMB.encode(), "its aliases repeat more than 1,000,000 values"),
        (b"a: &a [*a]\n", "nested too deep, or hold themselves"),
        (b"a: " + b"[" * 5000 + b"]" * 5000, "nested too deep"),
        (b"rate: 1\n{name}: 2\n", "line 2, column 1: a list or mapping is no key; quote"),
        (b"when: 2026-02-30\n", r"file\.yml, line 1, column 7: day is out of range"),
        (b"mask: 0x_\n", r"file\.yml, line 1, column 7: invalid literal"),
        (b"n: " + b"9" * 5000, r"file\.yml, line 1, column 4: Exceeds the limit"),
        (b"a: !!timestamp soon\n", "line 1, column 4: not a value of its type"),
        (b"a: {<<: *b}\n", "undefined alias"),
        (b"<<: 5\n", "line 1, column 5: expected a mapping"),
        (b"a: &a {x: 1, x: 2}\nb: {<<: *a}\n", "line 1, column 14: key 'x' stands twice"),
        (b"a: b: c\n", "mapping values are not allowed here.*quote texts that hold ': ' or '#'"),
        (b"a: \0\n", "not valid YAML .*special characters are not allowed"),
    ],
)
def test_a_wrong_file_is_named(text: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "file.yml").write_bytes(text)
    with pytest.raises(UserError, match=message):
        read_yaml(tmp_path / "file.yml")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone.*no such file"):
        read_yaml(tmp_path / "gone.yml")
    with pytest.raises(UserError, match="a folder where a file is expected"):
        read_yaml(tmp_path)


def test_anchors_within_reason_are_read(tmp_path: Path) -> None:
    (tmp_path / "file.yml").write_text("base: &base {rate: 1}\nother: *base\nempty:\n")
    assert read_yaml(tmp_path / "file.yml") == {"base": {"rate": 1}, "other": {"rate": 1}, "empty": None}
    (tmp_path / "nothing.yml").write_text("# a comment\n")
    assert read_yaml(tmp_path / "nothing.yml") is None


def test_what_a_merge_key_brings_may_be_overridden(tmp_path: Path) -> None:
    (tmp_path / "file.yml").write_text("""
a: &a {rate: 0, steps: 5}
deep: {b: &b {<<: *a, rate: 1}}
c: {<<: *b, steps: 6}
""")
    assert read_yaml(tmp_path / "file.yml") == {
        "a": {"rate": 0, "steps": 5},
        "deep": {"b": {"rate": 1, "steps": 5}},
        "c": {"rate": 1, "steps": 6},
    }


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(value=TREES, flow=st.booleans())
@settings(max_examples=50)
def test_what_pyyaml_writes_is_read(value: Any, flow: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yml"
    written = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    path.write_text(written, encoding="utf-8")
    # Not `value`: of a key that is a line separator PyYAML writes a space.
    assert read_yaml(path) == yaml.safe_load(written)


@given(content=st.binary(max_size=40))
@settings(max_examples=100)
def test_no_content_gives_another_error(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "some.yml"
    path.write_bytes(content)
    try:
        read_yaml(path)
    except UserError as error:
        assert str(error).startswith(str(path))


@given(
    signs=st.lists(st.sampled_from(["a", "b", ":", "-", " ", "{", "}", "[", "]", "&x", "*x", "<<", "?", "!!set", "\n"]))
)
@settings(max_examples=150)
def test_no_order_of_yamls_own_signs_gives_another_error(
    signs: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "signs.yml"
    path.write_text(" ".join(signs))
    try:
        read_yaml(path)
    except UserError as error:
        assert str(error).startswith(str(path))
