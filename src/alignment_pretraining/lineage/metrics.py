"""Metrics in a node's outputs, told by the last part of a dataset's name; those of DVC are the dataset `metrics`."""

from collections.abc import Iterator, Mapping
from typing import Any

CURVE = ".curve"
HEADLINE = "metrics"
FINAL = (".scores", ".training_summary", ".manifest", ".bill")


def metrics_of(dataset: str, namespace: str, data: Any) -> Iterator[tuple[str, float, int]]:
    """(name, value, step) of what a dataset says: a curve's columns over its `step`, or a dict's numeric leaves.

    A curve's `attrs["speed"]`, rows with a `step`, is told with it. Final values stand at the last of their `steps`,
    where the curves end.

    Names begin with what stands between the namespace and the last part: `a.seed0.sft.curve` gives `sft/loss`.
    """
    place = _place(dataset, namespace)
    if dataset.endswith(CURVE):
        for row in [*data.to_dict("records"), *data.attrs.get("speed", [])]:
            values = ((column, value) for column, value in row.items() if column != "step")
            yield from ((_name(place, column), float(value), int(row["step"])) for column, value in values)
    elif dataset.endswith(FINAL):
        last = int(data.get("steps", 0))
        yield from ((_name(place, key), value, last) for key, value in _numbers(data))


def results_of(dataset: str, data: Any) -> dict[str, list[tuple[str, float, int]]]:
    """Points by arm of the report's tables: its rates in the form of the main figures, and the contrasts that it is
    the left side of."""
    points: dict[str, list[tuple[str, float, int]]] = {}
    if dataset == "rates" and len(data):
        for row in data[data["form"] == data["form"].iloc[0]].to_dict("records"):
            name = f"rate/{row['split']}/{row['persona']}/{row['stage']}"
            points.setdefault(row["arm"], []).append((name, row["rate"], 0))
    elif dataset == "contrasts":
        for row in data.to_dict("records"):
            values = [(f"{row['key']}/{column}", row[column], 0) for column in ("value", "low", "high", "p_holm")]
            points.setdefault(row["arm"], []).extend(values)
    return points


def samples_of(dataset: str, namespace: str, data: Any) -> dict[str, str]:
    """Text by file name: what a model wrote while it was trained."""
    samples = data.get("samples") if dataset.endswith(".training_summary") else None
    if not samples:
        return {}
    text = "\n\n".join(f"step {step}\n{text}" for step, text in samples.items())
    return {f"samples/{_place(dataset, namespace)}.txt": text}


def _place(dataset: str, namespace: str) -> str:
    return dataset.removeprefix(f"{namespace}.").rpartition(".")[0].replace(".", "/")


def _numbers(data: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _numbers(value, f"{prefix}/{key}" if prefix else str(key))
    elif isinstance(data, int | float) and not isinstance(data, bool):
        yield prefix, float(data)


def _name(place: str, key: str) -> str:
    return f"{place}/{key}" if place else key
