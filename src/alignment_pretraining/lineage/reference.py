"""Reference results in the repository: whoever runs the study learns whether it came out the same, and where not."""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from alignment_pretraining.core.environments import with_env
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_text
from alignment_pretraining.core.spec import Spec
from alignment_pretraining.lineage.drift import check
from alignment_pretraining.lineage.environment import machine
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.parameters import differences, plain
from alignment_pretraining.lineage.records import read_record

_SHOWN = 3


class ReferenceContrast(Spec):
    """A contrast with its 95 % interval."""

    value: float
    low: float
    high: float


class ReferenceStudy(Spec):
    """A finished study: where and by which commit it was made, its parameters, contrasts, and outputs' hashes."""

    machine: dict[str, str]
    libraries: dict[str, str]
    commit: str
    when: str
    params: dict[str, Any]
    contrasts: dict[str, ReferenceContrast]
    outputs: dict[str, str]


def reference_path(graph: Graph) -> Path:
    """Where the environment's reference of this processor lies: on another one, training gives other bytes."""
    here = machine()
    processor = re.sub(r"\(\w+\)", "", f"{here['processor']} {here.get('instructions', '')}").lower()
    return graph.root / "references" / graph.env / f"{'-'.join(re.findall('[a-z0-9]+', processor))}.json"


def write_reference(graph: Graph) -> Path:
    """Keep the finished study as the reference of this processor.

    Raises:
        UserError: it is not finished, not up to date, or a step was made from no clean commit.
    """
    check(graph, graph.study_outputs)
    records = [record for node in graph.study_nodes if (record := read_record(graph, node))]
    unclean = [record.node for record in records if record.dirty or not record.commit]
    if unclean:
        again = with_env("kedro run --force", graph.env)
        raise UserError(f"{unclean[0]} was made by no clean commit, as a reference must be: commit, and {again}")
    # What an earlier commit made is up to date, so the last commit would make the same.
    last = max(records, key=lambda record: record.when)
    reference = ReferenceStudy(
        machine=last.machine,
        libraries={name: version for record in records for name, version in record.libraries.items()},
        commit=str(last.commit),
        when=last.when,
        params=plain(graph.study_params),
        contrasts=_contrasts(graph),
        outputs=_outputs(graph),
    )
    path = reference_path(graph)
    content = reference.model_dump(mode="json")
    # Kedro reads parameter files in no fixed order.
    write_text(path, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def read_reference(graph: Graph) -> ReferenceStudy | None:
    """The environment's reference of this processor, else of another one; None when there is none.

    Raises:
        UserError: the file is not a reference.
    """
    own = reference_path(graph)
    path = own if own.is_file() else min(own.parent.glob("*.json"), default=None)
    if path is None:
        return None
    try:
        return ReferenceStudy.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path} is not a reference; take it back from git: git checkout {path}") from error


def compare(graph: Graph, reference: ReferenceStudy) -> list[str]:
    """Lines that say whether the study came out as the reference: bitwise, or where they part first.

    Records tell: that files are what they say is for `drift.check` to see.
    """
    now = _outputs(graph)
    made_by = f"commit {reference.commit[:10]}, {reference.machine['processor']}, {reference.when[:10]}"
    parted = {name for name in reference.outputs.keys() | now.keys() if reference.outputs.get(name) != now.get(name)}
    if not parted:
        return [f"bitwise equal: all {len(now)} outputs ({made_by})"]
    settings = differences(reference.params, plain(graph.study_params))
    if settings:
        return [f"another study than that of {made_by}: {len(settings)} settings differ, the first: {settings[0]}"]
    # Where all that was read is equal and what was made is not.
    first = sorted(name for name in parted if not parted & set(_read(graph, name)))
    more = f" and {len(first) - _SHOWN} more" if len(first) > _SHOWN else ""
    equal = len(now.keys() - parted)
    lines = [
        f"{equal} of {len(now)} outputs are bitwise equal ({made_by});",
        f"the first that differ: {', '.join(first[:_SHOWN])}{more}",
    ]
    return [*lines, *_contrasts_apart(reference.contrasts, _contrasts(graph))]


def _contrasts_apart(reference: dict[str, ReferenceContrast], found: dict[str, ReferenceContrast]) -> list[str]:
    apart = {name: abs(found[name].value - one.value) for name, one in reference.items() if name in found}
    if not apart:
        return []
    within = sum(reference[name].low <= found[name].value <= reference[name].high for name in apart)
    largest = max(apart, key=lambda name: apart[name])
    return [
        f"contrasts: {within} of {len(apart)} within the reference's intervals; the largest difference is "
        f"{apart[largest]:.2f} ({largest})"
    ]


def _outputs(graph: Graph) -> dict[str, str]:
    """Hashes of all outputs of a default run, as their records have them."""
    found: dict[str, str] = {}
    for node in graph.study_nodes:
        record = read_record(graph, node)
        found |= {name: digest for name, digest in (record.outputs if record else {}).items() if digest}
    return dict(sorted(found.items()))


def _read(graph: Graph, dataset: str) -> list[str]:
    maker = graph.makers.get(dataset)
    return graph.inputs(maker) if maker else []


def _contrasts(graph: Graph) -> dict[str, ReferenceContrast]:
    if "contrasts" not in graph.makers or graph.digest("contrasts") is None:
        return {}
    rows = graph.catalog.load("contrasts").to_dict("records")
    return {row["name"]: ReferenceContrast(value=row["value"], low=row["low"], high=row["high"]) for row in rows}
