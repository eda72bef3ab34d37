"""The base of every specification: strict, frozen, and with errors that name file, key and allowed values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from alignment_pretraining.core.errors import UserError, did_you_mean

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]  # of a whole that something else is part of, too
Fraction = Annotated[float, Field(ge=0, le=1)]

M = TypeVar("M", bound=BaseModel)
_SHOWN_CHARACTERS = 60
WHOLE = "the whole file"


class Spec(BaseModel):
    """What stands in a configuration file. Unknown keys are errors, and nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse(spec: type[M], values: Any, where: str, key: str = "") -> M:
    """Validate `values`, the part of the file `where` under `key`, as a `spec`.

    Raises:
        UserError: names the file, and each wrong key with what is allowed.
    """
    try:
        return spec.model_validate(values)
    except ValidationError as error:
        raise UserError(explain(error, spec, where, key)) from None


def explain(error: ValidationError, spec: type[BaseModel], where: str, key: str = "") -> str:
    """The message of a failed validation: the file, then a line for each wrong key."""
    return to_correct(where, [explain_problem(problem, spec, key) for problem in error.errors()])


def to_correct(where: str, lines: list[str]) -> str:
    """What is wrong in a file: its name, then the lines."""
    return f"{where}: {len(lines)} to correct:\n  " + "\n  ".join(lines)


def explain_problem(problem: Any, spec: type[BaseModel], prefix: str = "") -> str:
    """One line for one of pydantic's problems. An unknown key is named without its value, which may be a secret."""
    loc = problem["loc"]
    key = ".".join(str(part) for part in (prefix, *loc) if part not in ("", "[key]")) or WHOLE
    if problem["type"] == "missing":
        return f"{key}: missing; add it"
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; allowed here: {', '.join(_fields_at(spec, loc[:-1]))}"
    message = f"{key}: {problem['msg'].removeprefix('Value error, ')}"
    given = problem["input"]
    if given is None or isinstance(given, Mapping | list | BaseModel):
        return message
    shown = given[:_SHOWN_CHARACTERS] if isinstance(given, str) else given
    return f"{message} (got {shown!r})"


def suggestion(problem: Any, spec: type[BaseModel]) -> str:
    """A question in brackets, after a space, for the key that was meant by an unknown one; "" for other problems."""
    *parents, key = problem["loc"] or [""]
    return did_you_mean(str(key), _fields_at(spec, (*parents,))) if problem["type"] == "extra_forbidden" else ""


def _fields_at(spec: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Field names of the specification that stands at `loc` in `spec`."""
    found = [spec]
    for part in loc:
        found = [
            inner
            for one in found
            for inner in (_specs_in(one.model_fields["root"].annotation) if issubclass(one, RootModel) else [one])
        ]
        holding = [one for one in found if part in one.model_fields]
        if len(found) > 1:  # the tag of a union, which here is a key of the kind that it stands for
            found = holding or found
        elif holding:
            found = _specs_in(holding[0].model_fields[part].annotation)
    return [name for one in found for name in one.model_fields]


def _specs_in(annotation: Any) -> list[type[BaseModel]]:
    """The specifications in an annotation: `dict[str, Arm] | None` holds Arm."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [spec for inner in get_args(annotation) for spec in _specs_in(inner)]
