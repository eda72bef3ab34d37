"""What a user may get wrong in a YAML file is told with file and place, quickly, and runs nothing."""

from pathlib import Path

import pytest

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
