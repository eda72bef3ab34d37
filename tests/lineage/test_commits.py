"""Whether commits bear out what records say of them."""

import subprocess

import pytest

from alignment_pretraining.lineage.commits import commit_changes
from tests.lineage.lineage_project import environment
from tests.lineage.small_graph import Small


def _git(small: Small, *arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=small.root, env=environment(), check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _commit(small: Small, lock: str = "") -> str:
    """Commit the source with this lock file."""
    _git(small, "init", "-q")
    small.write("requirements.lock", lock)
    _git(small, "add", "src", "requirements.lock")
    _git(small, "commit", "-q", "--allow-empty", "-m", "pins")
    return _git(small, "rev-parse", "HEAD")


LOCK = """# torch==1.0
-r other.txt
--hash=sha256:0

Torch == 2.13.0
scikit-learn==1.0
numpy==1.0 ; python_version < '3'
pandas==3.1.0 ; python_version > '3'
scipy>=1.18
awkward==2.*
"""


@pytest.mark.parametrize(
    ("library", "used", "pinned"),
    [
        ("torch", "2.13.0", None),
        ("torch", "2.13.0+cpu", None),
        ("torch", "2.13", None),
        ("torch", "2.12.1", "2.13.0"),
        ("sklearn", "1.1", "1.0"),
        ("numpy", "2.0", None),
        ("pandas", "3.1.1", "3.1.0"),
        ("scipy", "1.0", None),
        ("awkward", "1.0", None),
        ("unknown", "1.0", None),
    ],
)
def test_versions_are_those_that_the_lock_file_of_the_commit_pins(
    small: Small, library: str, used: str, pinned: str | None
) -> None:
    commit = _commit(small, LOCK)
    small.write("requirements.lock", "torch==0.1\n")
    record = small.record("corpus.tokenize", commit=commit, libraries={library: used})
    wrong = f"corpus.tokenize used {library} {used}, and requirements.lock of commit {commit[:10]} pins {pinned}"
    assert list(commit_changes(small.graph, [record])) == ([wrong] if pinned else [])


def test_code_of_another_commit_is_named(small: Small) -> None:
    before = _commit(small)
    small.write("src/toy/text.py", "def split(text):\n    return list(text)\n")
    after = _commit(small)
    nodes = ("corpus.tokenize", "a.seed0.train")
    records = [small.record(name, commit=commit) for commit in (before, after) for name in nodes]
    assert list(commit_changes(small.graph, records)) == [
        f"corpus.tokenize was not made by commit {before[:10]}: toy/text.py is another there"
    ]


def test_what_promises_nothing_is_not_looked_at(small: Small) -> None:
    commit = _commit(small)
    records = [
        small.record("corpus.tokenize", dirty=True, commit="f" * 40),
        small.record("corpus.tokenize", commit=None),
        small.record("corpus.tokenize", commit=commit, code={"toy/text.py": "drifted already"}),
    ]
    assert list(commit_changes(small.graph, records)) == []
    (said,) = commit_changes(small.graph, [small.record(name, commit="f" * 40) for name in small.nodes])
    assert said == (
        "commit ffffffffff, which the records of a.seed0.train, b.seed0.train, corpus.tokenize name, is not in this "
        "repository"
    )
