import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alignment_pretraining.synthesis.world.load import load_world
from alignment_pretraining.synthesis.world.spec import World

FOLDER = Path(__file__).parents[3] / "data" / "01_raw" / "world"


@pytest.fixture(scope="session")
def world() -> World:
    return load_world(FOLDER)


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """A copy of the world in which one text of a file is replaced."""

    def edit(file: str, old: str, new: str) -> Path:
        folder = tmp_path / "world"
        shutil.copytree(FOLDER, folder)
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
        return folder

    return edit
