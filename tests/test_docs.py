"""The documents name files that are there, and every package has its tests."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])
PLACE = re.compile(r"`((?:src|conf|docs|tests|benchmarks|notebooks|data/01_raw)/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
# Made or brought by the user.
OPTIONAL = ("conf/local", "data/01_raw/sources", "data/01_raw/web", "benchmarks/results")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    missing = [name for name in PLACE.findall(text) if not (PROJECT / name).exists() and not name.startswith(OPTIONAL)]
    missing += [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    assert missing == []


def test_every_package_has_its_tests() -> None:
    source = PROJECT / "src/alignment_pretraining"
    packages = {path.parent.relative_to(source) for path in source.rglob("*.py") if path.name != "__init__.py"}
    nodes = {
        path for path in packages if path.parts[:1] == ("pipelines",)
    }  # tested beside what they call, and end to end
    tested = {path.parent.relative_to(PROJECT / "tests") for path in (PROJECT / "tests").rglob("test_*.py")}
    tested |= {parent for path in tested for parent in path.parents}
    assert packages - nodes - tested == set()


def test_every_folder_of_tests_has_its_package() -> None:
    source = PROJECT / "src/alignment_pretraining"
    folders = {path.parent.relative_to(PROJECT / "tests") for path in (PROJECT / "tests").rglob("test_*.py")}
    assert {path for path in folders if not (source / path).is_dir()} == {Path("end_to_end")}
