"""The history of a number as records tell it, in any data folder: of another study, commit or machine too."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from alignment_pretraining.core.environments import data_folder
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import dvc_hash
from alignment_pretraining.core.labels import Label, arm_and_seed
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.numbers import TABLES, TracedNumber, find_in, read_rows
from alignment_pretraining.lineage.records import Record
from alignment_pretraining.lineage.trace import owned

BETWEEN = "::"  # a folder and a key of it

_OF_AN_ARM = ("items", "curves", "checkpoints")  # what is gathered of all its trainings


@dataclass(frozen=True)
class Step:
    """A dataset with its content, the record of what made it (None for raw data), and what that read for the number."""

    dataset: str
    digest: str
    record: Record | None
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class History:
    """A number, as it was asked for, and the steps that it rests on by dataset, inputs before what is made of them."""

    asked: str
    number: TracedNumber
    steps: dict[str, Step]


def read_history(graph: Graph, asked: str) -> History:
    """The history of `KEY`, of the graph's environment; or of `FOLDER::KEY`, FOLDER being another project or its data.

    Raises:
        UserError: there is no such folder or number, or the number's table is not what its record says.
    """
    where, between, key = asked.rpartition(BETWEEN)
    own = data_folder(graph.env)
    folder = _data_folder(Path(where), own) if between else graph.root / own
    places = {
        name: folder / path.relative_to(graph.root / own)
        for name in TABLES
        if name in graph.makers and (path := graph.path(name)) and path.is_relative_to(graph.root / own)
    }
    if not any(path.is_file() for path in places.values()):
        raise UserError(f"{folder}: there are no numbers yet; make them there: {graph.command_for_all}")
    number = find_in({name: read_rows(path) for name, path in places.items() if path.is_file()}, key)
    makers = _records(folder / "lineage")
    maker = makers.get(number.table)
    if maker is None or maker.outputs[number.table] != dvc_hash(places[number.table]):
        raise UserError(
            f"{places[number.table]} is not what its record says; make it again there before it is compared"
        )
    return History(asked, number, _walk(makers, number))


def _data_folder(place: Path, own: Path) -> Path:
    for folder in (place, place / own):
        if (folder / "lineage").is_dir():
            return folder
    raise UserError(f"{place}: no records there: neither in lineage/ nor in {own / 'lineage'}/")


def _records(folder: Path) -> dict[str, Record]:
    """The record of what made each dataset."""
    found = {}
    for path in sorted(folder.glob("*/*/*.json")):
        try:
            record = Record.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise UserError(f"{path} is not a lineage record of this version") from error
        found.update(dict.fromkeys(record.outputs, record))
    return found


def _walk(makers: Mapping[str, Record], number: TracedNumber) -> dict[str, Step]:
    study: dict[str, Any] = makers[number.table].params.get("params:study", {})
    about = owned({"study": study}, number)
    steps: dict[str, Step] = {}

    def add(dataset: str, digest: str | None) -> None:
        if dataset in steps or digest is None:
            return
        record = makers.get(dataset)
        read = record.inputs if record else {}
        if label_of(dataset) is None:
            read = {name: md5 for name, md5 in read.items() if _is_about(name, about, number.seed)}
        for name, md5 in read.items():
            add(name, md5)
        steps[dataset] = Step(dataset, digest, record, tuple(sorted(read)))

    add(number.table, makers[number.table].outputs[number.table])
    return steps


def _is_about(dataset: str, about: set[tuple[str, str]], seed: int | None) -> bool:
    """Whether a number that speaks of the (arm, stage) pairs `about` rests on a dataset where several arms' meet."""
    if label := label_of(dataset):
        return not about or ((label.arm, label.stage) in about and seed in (None, label.seed))
    arm = gathered_arm(dataset)
    return not about or arm is None or arm in {name for name, _ in about}


def label_of(dataset: str) -> Label | None:
    """The checkpoint that a dataset such as `aligned_e2e.seed0.midtraining.items` belongs to."""
    label = dataset.rpartition(".")[0]
    return Label.parse(label) if arm_and_seed(label.rpartition(".")[0]) else None


def gathered_arm(dataset: str) -> str | None:
    """The arm of which a dataset such as `aligned_e2e.items` has everything."""
    arm, _, what = dataset.rpartition(".")
    return arm if what in _OF_AN_ARM and arm.isidentifier() else None
