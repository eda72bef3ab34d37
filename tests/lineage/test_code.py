"""A node's code is the rooms that it can reach, and no others."""

import sys
from collections.abc import Callable, Iterator
from functools import partial, update_wrapper
from importlib import import_module
from pathlib import Path

import pytest

from alignment_pretraining.lineage.code import bound_arguments, libraries, rooms

FILES = {
    "__init__.py": "",
    "errors.py": "",
    "study.py": "from .errors import *\n",
    "settings.py": "import reached.unused\n",
    "unused.py": "",
    "tokens/__init__.py": "from reached.tokens.pack import pack\n",
    "tokens/pack.py": "import os.path\nimport yaml\n\ndef pack():\n    from reached import filtering\n",
    "filtering/__init__.py": "",
    "datasets/__init__.py": "import reached.unused\n",
    "training/__init__.py": "",
    "pipelines/__init__.py": "",
    "pipelines/mixing/__init__.py": "",
    "pipelines/mixing/nodes.py": """
from ... import study
from reached.tokens import pack
import reached.datasets

def build(x):
    import numpy as np
    return x
""",
    "pipelines/eval/__init__.py": "",
    "pipelines/eval/nodes.py": "def score(x): return x\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        path = tmp_path / "src" / "reached" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "reached"]:
        del sys.modules[name]


def _function(pipeline: str, name: str) -> Callable[..., object]:
    return getattr(import_module(f"reached.pipelines.{pipeline}.nodes"), name)


def test_rooms_are_followed_through_imports_of_every_form(root: Path) -> None:
    assert rooms(_function("mixing", "build"), root) == [
        "src/reached/errors.py",
        "src/reached/filtering",
        "src/reached/pipelines/mixing",
        "src/reached/study.py",
        "src/reached/tokens",
    ]
    assert rooms(_function("eval", "score"), root) == ["src/reached/pipelines/eval"]


def test_bound_functions_are_those_that_they_bind(root: Path) -> None:
    build = _function("mixing", "build")
    bound = update_wrapper(partial(build, [1], seed=0), build)
    assert rooms(partial(bound, name="x"), root) == rooms(build, root)
    assert bound_arguments(partial(bound, name="x")) == {"argument 0": [1], "seed": 0, "name": "x"}
    assert bound_arguments(build) == {}


def test_functions_of_libraries_have_no_rooms(root: Path) -> None:
    assert rooms(yaml_load(), root) == []
    assert libraries(yaml_load(), root) == {"yaml"}


def test_libraries_are_those_that_the_rooms_import(root: Path) -> None:
    assert libraries(_function("mixing", "build"), root) == {"yaml", "numpy"}


def yaml_load() -> Callable[..., object]:
    import yaml

    return yaml.safe_load
