"""The documents name files that are there, and every package has its tests."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro_viz.launchers.cli.main import viz_cli

from alignment_pretraining.cli import cli
from alignment_pretraining.study import Study

PROJECT = Path(__file__).parents[1]
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])
PLACE = re.compile(r"`((?:src|conf|docs|tests|benchmarks|notebooks|data/01_raw)/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
# Made or brought by the user.
OPTIONAL = ("conf/local", "data/01_raw/sources", "data/01_raw/web", "benchmarks/results")


# Lines of code blocks that begin with a command of Kedro's command line.
COMMANDS = {**cli.commands, "viz": viz_cli.commands["viz"]}
COMMAND = re.compile(r"^(?:    |\| `)?kedro ([a-z]+)((?: --[a-z-]+)*)", re.MULTILINE)


def test_every_page_is_on_the_site() -> None:
    shown = re.findall(r": (\S+\.md)$", (PROJECT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(shown) == sorted(["index.md", *(page.name for page in (PROJECT / "docs").glob("*.md"))])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    for name, options in COMMAND.findall(page.read_text()):
        assert name in COMMANDS, name
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert name == "viz" or set(options.split()) <= known, (name, options)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    missing = [name for name in PLACE.findall(text) if not (PROJECT / name).exists() and not name.startswith(OPTIONAL)]
    missing += [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    assert missing == []


def test_the_arm_that_the_page_adds_is_one_and_has_a_stronger_dose(study_config: dict[str, Any]) -> None:
    page = (PROJECT / "docs/add-an-arm.md").read_text()
    added = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    arms = study_config["arms"] | added["arms"]
    study = Study.model_validate(study_config | {"arms": arms, "run": added["run"], "contrasts": {}})
    (name,) = added["arms"]
    assert study.mix(name, "midtraining").share > study.stages.midtraining.synthetic_share


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
