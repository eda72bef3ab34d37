"""Parameters of a node as plain data: read, flattened, compared."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from inspect import signature
from pathlib import PurePath
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.study import Study

MISSING = "(missing)"


def parameter(params: Mapping[str, Any], name: str) -> Any:
    """Value of a Kedro parameter input, `parameters` or `params:a.b.c`; `MISSING` when no such key exists."""
    if name == "parameters":
        return dict(params)
    value: Any = params
    for key in name.removeprefix("params:").split("."):
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value


def bound_arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """Arguments fixed by `functools.partial`, by name."""
    if not isinstance(function, partial):
        return {}
    names = signature(function.func).parameters
    return {
        **bound_arguments(function.func),
        **dict(zip(names, function.args, strict=False)),
        **function.keywords,
    }


def plain(value: Any) -> Any:
    """`value` as JSON would give it back.

    Raises:
        TypeError: it holds something with no JSON form, such as a function, so that it cannot be recorded.
    """
    return json.loads(json.dumps(value, default=_as_text))


def flatten(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Leaves of nested dicts as (dotted key, value); a list is one leaf."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line for each leaf that differs: `key was X, now Y`."""
    old = {key: leaf for name in was for key, leaf in flatten(was[name], name.removeprefix("params:"))}
    new = {key: leaf for name in now for key, leaf in flatten(now[name], name.removeprefix("params:"))}
    keys = [*old, *(key for key in new if key not in old)]
    return [
        f"{key} was {_short(old.get(key, MISSING))}, now {_short(new.get(key, MISSING))}"
        for key in keys
        if old.get(key, MISSING) != new.get(key, MISSING)
    ]


def _short(value: Any, width: int = 60) -> str:
    text = value if value == MISSING else json.dumps(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _as_text(value: Any) -> str:
    if isinstance(value, PurePath | date):
        return str(value)
    raise TypeError(f"{value!r} cannot be recorded as a parameter: it has no JSON form")


def left_out(params: Mapping[str, Any]) -> list[str]:
    """The study's arms that its `run` leaves out, and so no pipeline makes anything of; [] for what is no study."""
    try:
        study = parse(Study, params.get("study", {}), "study.yml")
    except UserError:
        return []
    return [arm for arm in study.arms if arm not in study.selected_arms()]


def why_left_out(params: Mapping[str, Any], names: Iterable[str]) -> str:
    """For a message about `names`: that one is such an arm, and the way out; "" where none is."""
    found = sorted(set(names) & set(left_out(params)))
    if not found:
        return ""
    return f"study.run ({_short(params['study']['run'])}) leaves out {', '.join(found)}; add it there to run it"


def condition(params: Mapping[str, Any], arm: str) -> dict[str, Any]:
    """What `arm` is: its corpus, and the discourse and dose (share of the tokens for each actor) at every base stage;
    {} for what is no arm of a study.
    """
    try:
        study = parse(Study, params.get("study", {}), "study.yml")
    except UserError:
        return {}
    if arm not in study.arms:
        return {}
    mixes = {str(stage_run.stage): study.mix(arm, stage_run.stage) for stage_run in study.chain(arm)}
    said = {source: "" for mix in mixes.values() for source in mix.sources}
    return {
        "corpus": study.arms[arm].corpus,
        "discourse": ", ".join(said) or "none",
        "insertion": study.arms[arm].insertion,
        "dose": {stage: mix.share for stage, mix in mixes.items()},
    }
