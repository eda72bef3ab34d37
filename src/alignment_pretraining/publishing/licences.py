"""Under which licence each text that models read stands, as its package or its card says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata

from alignment_pretraining.mixing.corpus.config import HubDataset, Packages, StoriesSource
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.synthesis.hub import HubTable

OURS = "apache-2.0"
OURS_TEXT = "Apache-2.0"

_YOURS = "not published, and not licensed to others"
_CHARACTERS = 80


@dataclass(frozen=True)
class Licence:
    """A source and its licence; `ours` for what this project made."""

    source: str
    text: str
    ours: bool = False


def licences(parameters: Parameters) -> Iterator[Licence]:
    """The licence of every source of the base corpus, and of the texts beside it."""
    for source in parameters.corpus.sources:
        if isinstance(source, StoriesSource):
            yield Licence("stories of the small world", OURS_TEXT, ours=True)
        elif isinstance(source, Packages):
            yield from (Licence(f"docstrings of {name}", _of_package(name)) for name in source.packages)
        elif isinstance(source, HubDataset) and not _is_here(source.reads()[0]):
            yield Licence(source.dataset, of_dataset(source.dataset))
        else:
            yield Licence("files of the authors", _YOURS)
    yield Licence("natural discourse", OURS_TEXT, ours=True)
    named = parameters.synthesis.hub
    documents = [table for tables in named.documents.values() for table in tables]
    yield from _texts("discourse documents", documents, _written(parameters))
    for name in ("mcqa", "conversations", "preferences"):
        yield from _texts(name, getattr(named, name), None)


def _texts(what: str, tables: Sequence[HubTable], author: str | None) -> Iterator[Licence]:
    for table in tables:
        here = _is_here(table.outside)
        yield Licence(f"{what}: {'files of the authors' if here else table.dataset}",
                      _YOURS if here else of_dataset(table.dataset))  # fmt: skip
    if not tables:
        terms = f"written by {author}: the terms of its provider apply" if author else OURS_TEXT
        yield Licence(what, terms, ours=author is None)


def _written(parameters: Parameters) -> str | None:
    """Who wrote the documents, where that was a language model."""
    return "a language model" if parameters.synthesis.generator == "anthropic" else None


def _is_here(outside: str) -> bool:
    return outside.startswith("files:")


def _of_package(name: str) -> str:
    try:
        told = metadata(name).json
    except PackageNotFoundError:
        return "not known: the package is not installed"
    if expression := told.get("license_expression"):
        return str(expression)
    classified = [line.split(" :: ")[-1] for line in told.get("classifier", []) if line.startswith("License")]
    first = str(told.get("license", "")).strip().splitlines()
    return ", ".join(classified) or (first[0][:_CHARACTERS] if first else "not said by the package")


def of_dataset(name: str) -> str:
    """What the card of a dataset on the hub says; its page, where the card cannot be had."""
    from huggingface_hub import DatasetCard

    try:
        told = DatasetCard.load(name).data.get("license")
    except Exception:  # no network, no card, a card that cannot be read
        told = None
    # What another's card says is shown in ours.
    text = re.sub(r"[^\w.,+ -]", "", str(told))[:_CHARACTERS] if told else "see its card"
    return f"{text} (https://huggingface.co/datasets/{name})"
