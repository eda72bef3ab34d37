"""A function's code is what it can reach, and nothing else."""

import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from functools import partial, update_wrapper
from importlib import import_module
from pathlib import Path

import pytest

from alignment_pretraining.core import code, digests
from alignment_pretraining.core.code import SOURCE, SourceTree, work_code

FILES = {
    "__init__.py": '"""A package."""\n',
    "errors.py": """
        class Problem(Exception):
            pass
    """,
    "study.py": """
        from .errors import *

        class Study:
            pass

        def refuse():
            raise Problem

        class Unused:
            pass
    """,
    "unused.py": "",
    "acting.py": """
        import warnings

        warnings.simplefilter('error')

        def unused():
            pass
    """,
    "tokens/__init__.py": "from reached.tokens.pack import pack\n",
    "tokens/pack.py": """
        import os.path
        import yaml

        def pack():
            from reached import filtering
            return yaml.safe_dump(filtering.run())
    """,
    "filtering/__init__.py": """
        LIMIT = 3

        def run(limit=LIMIT):
            return limit
    """,
    "page.py": """
        from pathlib import Path

        HERE = Path(__file__).parent

        def render():
            return (HERE / 'a.css').read_text()
    """,
    "a.css": "p {color: red}\n",
    "entry.py": """
        from reached.errors import Problem

        def main():
            raise Problem

        if __name__ == '__main__':
            main()
    """,
    "table.py": """
        ALL = {}

        def register(f):
            ALL[f.__name__] = f
            return f
    """,
    "readers.py": """
        from reached.table import register

        @register
        def read_csv():
            return 1

        def unused():
            return 2
    """,
    "nodes.py": """
        from typing import TYPE_CHECKING

        import reached.acting
        import reached.readers
        import numpy as np
        from reached import errors, page, study as spec
        from reached.tokens import pack
        from reached.table import ALL

        if TYPE_CHECKING:
            import reached.unused

        SCALE = 2

        def build(x, errors=()):
            return pack(), spec.Study, [np for np in x], errors

        def scaled(x: "errors.Problem") -> int:
            global SCALE
            return x * SCALE

        def render():
            return page.render()

        def launch():
            return ["python", "-m", "reached.entry"]

        def whole(name):
            return getattr(spec, name)

        def plugins():
            return ALL

        class Node:
            def __call__(self):
                return SCALE
    """,
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        path = tmp_path / "reached" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "reached"]:
        del sys.modules[name]


def _modules(root: Path, name: str, module: str = "reached.nodes") -> set[str]:
    found = SourceTree(root).code_of(module, name).modules
    # All nodes have in common what acts when their module is imported.
    return {path.removeprefix("reached/") for path in found} - {"acting.py", "readers.py", "table.py"}


def test_names_are_followed_to_what_binds_them(root: Path) -> None:
    assert _modules(root, "build") == {
        "nodes.py",
        "tokens/__init__.py",  # it hands the name on
        "tokens/pack.py",
        "filtering/__init__.py",
        "study.py",
    }
    assert _modules(root, "scaled") == {"nodes.py", "errors.py"}


def test_names_that_a_star_brings_are_followed(root: Path) -> None:
    assert _modules(root, "refuse", "reached.study") == {"study.py", "errors.py"}


def test_what_acts_on_import_counts_for_all(root: Path) -> None:
    assert {"reached/acting.py", "reached/readers.py"} <= SourceTree(root).code_of(
        "reached.nodes", "scaled"
    ).modules.keys()


def test_files_beside_code_that_asks_for_its_place_count(root: Path) -> None:
    assert _modules(root, "render") == {"nodes.py", "page.py", "a.css"}


def test_a_module_that_a_text_names_counts_as_a_program(root: Path) -> None:
    assert _modules(root, "launch") == {"nodes.py", "entry.py", "errors.py"}


def test_an_unknown_function_is_its_whole_module(root: Path) -> None:
    assert "page.py" in _modules(root, "<lambda>")


EDITS = {
    "a constant": ("nodes.py", "SCALE = 2", "SCALE = 3", {"scaled", "Node"}),
    "a default that a constant gives": ("filtering/__init__.py", "LIMIT = 3", "LIMIT = 4", {"build"}),
    "a class": ("study.py", "class Study:", "class Study(dict):", {"build", "whole"}),
    "a class that only a module's user can name": ("study.py", "class Unused:", "class Unused(dict):", {"whole"}),
    "a style sheet": ("a.css", "red", "blue", {"render"}),
    "another import of the same name": (
        "nodes.py",
        "reached.tokens import pack",
        "reached.filtering import run as pack",
        {"build"},
    ),
    "a registered function": (
        "readers.py",
        "return 1",
        "return 3",
        {"build", "scaled", "render", "launch", "whole", "plugins", "Node"},
    ),
    "an unused function": ("acting.py", "def unused():\n    pass", "def unused():\n    return 1", set()),
    "an import for type checkers": ("nodes.py", "import reached.unused", "import reached.page", set()),
    "a module's docstring": ("__init__.py", "A package", "The package", set()),
    "a new import": ("nodes.py", "import numpy as np", "import numpy as np\nimport reached.unused", set()),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_what_uses_it_and_nothing_else(root: Path, edit: str) -> None:
    names = ("build", "scaled", "render", "launch", "whole", "plugins", "Node")
    file, old, new, changed = EDITS[edit]
    before = {name: SourceTree(root).code_of("reached.nodes", name) for name in names}
    text = (root / "reached" / file).read_text()
    assert old in text
    (root / "reached" / file).write_text(text.replace(old, new))
    tree = SourceTree(root)
    assert {name for name in names if tree.code_of("reached.nodes", name) != before[name]} == changed


def _function(name: str) -> Callable[..., object]:
    found: Callable[..., object] = getattr(import_module("reached.nodes"), name)
    return found


def test_bound_functions_and_objects_are_those_that_they_stand_for(root: Path) -> None:
    tree = SourceTree(root)
    build = _function("build")
    bound = update_wrapper(partial(build, [1]), build)
    assert tree.code(partial(bound, errors=[])) == tree.code(build)
    made = _function("Node")()
    assert callable(made)
    assert tree.code(made) == tree.code_of("reached.nodes", "Node")


def test_libraries_are_those_that_the_code_uses(root: Path) -> None:
    tree = SourceTree(root)
    assert tree.code_of("reached.nodes", "build").libraries == {"yaml"}
    assert tree.code_of("yaml", "safe_load") == tree.code_of("yaml", "dump")
    assert tree.code_of("yaml", "safe_load").modules == {}
    assert tree.code_of("yaml", "safe_load").libraries == {"yaml"}


def test_the_code_of_this_project_has_its_libraries_versions() -> None:
    from alignment_pretraining.reporting.gaps import gap_table

    found = work_code(gap_table)
    assert found["code"] == SourceTree(SOURCE).code(gap_table).modules
    assert "alignment_pretraining/reporting/gaps.py" in found["code"]
    assert {"numpy", "pandas", "statsmodels"} <= found["libraries"].keys()


def test_what_is_kept_is_not_searched_again_until_a_file_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SourceTree(root).code_of("reached.nodes", "build")
    monkeypatch.setenv("ALIGNMENT_PRETRAINING_DIGESTS", "")  # put back after the test
    digests.use_cache(root.parent / f"{root.name}-cache")
    time.sleep(0.06)  # after which a change shows in a file's times
    assert SourceTree(root).code_of("reached.nodes", "build") == found

    def search(tree: SourceTree) -> None:
        raise RuntimeError("it is searched")

    monkeypatch.setattr(code, "_Search", search)
    assert SourceTree(root).code_of("reached.nodes", "build") == found
    (root / "reached/study.py").write_text("")
    with pytest.raises(RuntimeError, match="searched"):
        SourceTree(root).code_of("reached.nodes", "build")
