"""`kedro trace --diff A B`: the first inputs where the histories of two numbers part, and what differs there."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from alignment_pretraining.core.labels import Label, arm_and_seed
from alignment_pretraining.lineage.history import History, Step, gathered_arm, label_of
from alignment_pretraining.lineage.parameters import MISSING, flatten
from alignment_pretraining.lineage.records import Record


@dataclass(frozen=True)
class Difference:
    """One thing that a record has otherwise: `kind` is setting, code, library or input."""

    kind: str
    name: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Parting:
    """A step whose inputs are equal on both sides, and whose content is not; and what its records have otherwise."""

    left: Step
    right: Step
    differences: tuple[Difference, ...]
    environment: tuple[Difference, ...]


@dataclass(frozen=True)
class Comparison:
    """Two histories beside each other, step by step, by names without what the two numbers differ in.

    `after` are steps that differ because what they read does; `left_only` and `right_only` have no counterpart.
    """

    left: History
    right: History
    equal: list[str]
    first: list[Parting]
    after: list[str]
    left_only: list[str]
    right_only: list[str]


def compare(left: History, right: History) -> Comparison:
    """Put two histories beside each other.

    Where each number is about one arm, or one training, steps are paired whatever the arm or the seed is called.
    """
    steps = {side.asked: _by_role(side, left, right) for side in (left, right)}
    ours, theirs = steps[left.asked], steps[right.asked]
    both = [role for role in ours if role in theirs]
    parted = [role for role in both if ours[role].digest != theirs[role].digest]
    apart = {step.dataset for role in parted for step in (ours[role], theirs[role])}
    first = [role for role in parted if not apart & {*ours[role].inputs, *theirs[role].inputs}]
    return Comparison(
        left,
        right,
        [role for role in both if role not in parted],
        [_parting(left, right, ours[role], theirs[role]) for role in sorted(first)],
        [role for role in parted if role not in first],
        [role for role in ours if role not in theirs],
        [role for role in theirs if role not in ours],
    )


def as_data(found: Comparison) -> dict[str, Any]:
    """A comparison as plain data."""
    return {
        **{side: {"key": one.asked, "value": one.number.value} for side, one in _sides(found).items()},
        "equal": found.equal,
        "first": [
            {
                "left": {"dataset": one.left.dataset, "md5": one.left.digest},
                "right": {"dataset": one.right.dataset, "md5": one.right.digest},
                "differences": [asdict(difference) for difference in one.differences],
                "environment": [asdict(difference) for difference in one.environment],
            }
            for one in found.first
        ],
        "after": found.after,
        "left_only": found.left_only,
        "right_only": found.right_only,
    }


def _sides(found: Comparison) -> dict[str, History]:
    return {"left": found.left, "right": found.right}


def _by_role(side: History, left: History, right: History) -> dict[str, Step]:
    names = _Names(side, left, right)
    return {names.role(dataset): step for dataset, step in side.steps.items()}


class _Names:
    """Names of a side without the arm where each number has one, and without the seed where each is of one training."""

    def __init__(self, side: History, left: History, right: History) -> None:
        self._arms = {label.arm for label in map(label_of, side.steps) if label}
        self._any_arm = all(len({arm for arm, _ in one.number.about}) == 1 for one in (left, right))
        self._any_seed = None not in (left.number.seed, right.number.seed)

    def role(self, dataset: str) -> str:
        """What a dataset is to its number."""
        label = label_of(dataset)
        if label:
            return self._label(label) + dataset.removeprefix(str(label))
        arm = gathered_arm(dataset)
        return f"{self._arm(arm)}{dataset.removeprefix(arm)}" if arm in self._arms and arm else dataset

    def plain(self, value: Any) -> Any:
        """A setting in which arm and seed stand as they do in roles."""
        if isinstance(value, Mapping):
            return {self.plain(key): self.plain(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.plain(inner) for inner in value]
        if not isinstance(value, str):
            return value
        head, dot, arm = value.rpartition(".")
        if head == "params:study.arms" and arm in self._arms:
            return f"{head}{dot}{self._arm(arm)}"
        return self._label(Label.parse(value)) if arm_and_seed(head) else value

    def _label(self, label: Label) -> str:
        seed = "*" if self._any_seed else label.seed
        return f"{self._arm(label.arm)}.seed{seed}.{label.stage}"

    def _arm(self, arm: str) -> str:
        return "*" if self._any_arm else arm


def _parting(left: History, right: History, ours: Step, theirs: Step) -> Parting:
    if ours.record is None or theirs.record is None:
        return Parting(ours, theirs, (), ())
    settings = (
        _Names(left, left, right).plain(ours.record.params),
        _Names(right, left, right).plain(theirs.record.params),
    )
    differences = (*_settings(*settings), *_made_with(ours.record, theirs.record))
    return Parting(ours, theirs, differences, (*_apart("made", _around(ours.record), _around(theirs.record)),))


def _settings(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
    ours, theirs = dict(_leaves(left)), dict(_leaves(right))
    yield from _apart("setting", ours, theirs)


def _leaves(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        yield from flatten(value, name.removeprefix("params:"))


def _made_with(left: Record, right: Record) -> Iterator[Difference]:
    yield from _apart("code", left.code, right.code)
    yield from _apart("library", left.libraries, right.libraries)
    for name in sorted(left.inputs.keys() ^ right.inputs.keys()):
        yield Difference("input", name, left.inputs.get(name, MISSING), right.inputs.get(name, MISSING))


def _around(record: Record) -> dict[str, str]:
    """What says where and by which commit a step was made."""
    return {"commit": record.commit_state, "env": record.env, **record.machine}


def _apart(kind: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
    for name in [*left, *(name for name in right if name not in left)]:
        ours, theirs = left.get(name, MISSING), right.get(name, MISSING)
        if ours != theirs:
            yield Difference(kind, name, ours, theirs)
