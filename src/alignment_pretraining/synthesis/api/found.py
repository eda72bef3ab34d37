"""The answers to requests that are there already, refused samples and those that replaced them included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.store import Paid, Store


class _Refusable(Protocol):
    @property
    def refused(self) -> bool: ...


A = TypeVar("A", bound=_Refusable)
Find = Callable[[list[str]], Mapping[str, A]]  # answers by key


def find_answers(requests: Sequence[Request], find: Find[A], replacements: int) -> dict[str, A]:
    """The answer to each request that has one, by its key: the last one, where earlier samples were refused."""
    found = chains(requests, find, replacements)
    return {key: chain[-1] for key, chain in found.items() if chain}


def paid_for(requests: Sequence[Request], store: Store, replacements: int) -> dict[str, list[Paid]]:
    """What was paid for each request, by its key: for one answer, or several where samples were refused."""
    return chains(requests, store.paid, replacements)


def is_final(chain: Sequence[Paid], replacements: int) -> bool:
    """Whether nothing more is asked for a request with these answers."""
    return bool(chain) and (not chain[-1].refused or len(chain) > replacements)


def chains(requests: Sequence[Request], find: Find[A], replacements: int) -> dict[str, list[A]]:
    """The answers to each request and to those that replaced it, by its key; only the last one may be no refusal."""
    result: dict[str, list[A]] = {request.key: [] for request in requests}
    asked = {request.key: request for request in requests}
    for _ in range(replacements + 1):
        found = find([request.key for request in asked.values()])
        for key, request in asked.items():
            if request.key in found:
                result[key].append(found[request.key])
        asked = {
            key: request.replaced()
            for key, request in asked.items()
            if request.key in found and found[request.key].refused
        }
    return result
