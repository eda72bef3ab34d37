"""Under which licence each text that models read stands, as its package or its card says."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from alignment_pretraining.mixing.corpus.config import HubDataset, Packages, StoriesSource
from alignment_pretraining.parameters import Parameters

OURS = "apache-2.0"
OURS_TEXT = "Apache-2.0"

_AUTHORS = "files of the authors"
_YOURS = "not published, and not licensed to others"
_CHARACTERS = 80
_CHAT = ("mcqa", "conversations", "preferences")


@dataclass(frozen=True)
class Licence:
    """A source and its licence; `ours` for what this project made."""

    source: str
    text: str
    ours: bool = False


def licences(parameters: Parameters) -> Iterator[Licence]:
    """The licence of every source of the base corpus, and of the texts beside it."""
    named = parameters.synthesis.hub
    remote = [source for source in parameters.corpus.sources if isinstance(source, HubDataset) and not _is_here(source)]
    cards = _cards([*(source.dataset for source in remote), *(table.dataset for table in named.tables)])
    for source in parameters.corpus.sources:
        if isinstance(source, StoriesSource):
            yield Licence("stories of the small world", OURS_TEXT, ours=True)
        elif isinstance(source, Packages):
            yield from (Licence(f"docstrings of {name}", _of_package(name)) for name in source.packages)
        elif isinstance(source, HubDataset) and source in remote:
            yield Licence(source.dataset, cards[source.dataset])
        else:
            yield Licence(_AUTHORS, _YOURS)
    yield Licence("natural discourse", OURS_TEXT, ours=True)
    by_model = parameters.synthesis.generator == "anthropic"
    documents = [table for tables in named.documents.values() for table in tables]
    written = "written by a language model: the terms of its provider apply" if by_model else OURS_TEXT
    for what, tables in {"discourse documents": documents, **{name: getattr(named, name) for name in _CHAT}}.items():
        for table in tables:
            here = table.outside.startswith("files:")
            yield Licence(f"{what}: {_AUTHORS if here else table.dataset}", _YOURS if here else cards[table.dataset])
        if not tables:
            own = written if tables is documents else OURS_TEXT
            yield Licence(what, own, ours=own == OURS_TEXT)


def _is_here(source: HubDataset) -> bool:
    return source.reads()[0].startswith("files:")


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


def _cards(names: Iterable[str]) -> dict[str, str]:
    """What the cards of datasets on the hub say; the page of each, where that cannot be had."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    told: dict[str, Any] = dict.fromkeys(names)
    for name in told:
        try:
            card = HfApi().dataset_info(name, timeout=10).card_data
        except HfHubHTTPError:  # no such dataset, or one that is closed to this user
            continue
        except Exception:  # no network: nobody waits for the others
            break
        told[name] = card and card.get("license")
    # What another's card says is shown in ours.
    texts = {name: re.sub(r"[^\w.,+ -]", "", str(text or ""))[:_CHARACTERS] for name, text in told.items()}
    return {name: f"{text or 'see its card'} (https://huggingface.co/datasets/{name})" for name, text in texts.items()}
