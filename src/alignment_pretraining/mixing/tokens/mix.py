"""Build the mix folder of one arm at one stage: the stream, where its documents stand, and its manifest."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import atomic_file, numbered
from alignment_pretraining.core.hashing import json_md5
from alignment_pretraining.core.shards import Shards, write_shard
from alignment_pretraining.core.token_stream import DOCUMENTS
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.execution.store import TaskStatistics, hard_link, task_fingerprint
from alignment_pretraining.execution.tasks import run_tasks
from alignment_pretraining.mixing.tokens.manifest import account, contaminated_summary, flagged_summary
from alignment_pretraining.mixing.tokens.mixture import (
    CORPUS,
    MCQA,
    REPLACEMENT,
    SYNTHETIC,
    Mixture,
    Recipe,
    plan_stream,
)
from alignment_pretraining.mixing.tokens.pieces import PIECE, ends
from alignment_pretraining.mixing.tokens.sources import load_contamination, load_flags, read_shard_records

# Tokens of one shard of the stream; it ends with the document that reaches them.
_SHARD_TOKENS = 1 << 28
# Tokens in memory while a shard is written.
_BLOCK_TOKENS = 1 << 26


@dataclass(frozen=True)
class Inputs:
    """Folders: shards by source, flags, contamination by source; and the sources of the inserted documents."""

    tokens: Path
    flags: Path
    contamination: Path
    discourse: tuple[str, ...]

    @property
    def folders(self) -> dict[int, str]:
        """The source of every layer; inserted documents are the layers from SYNTHETIC on."""
        inserted = {SYNTHETIC + number: name for number, name in enumerate(self.discourse)}
        return {CORPUS: "corpus", REPLACEMENT: "corpus", MCQA: "mcqa", **inserted}

    @property
    def names(self) -> dict[int, str]:
        """What documents of each layer are called."""
        return {**self.folders, REPLACEMENT: "replacement"}


@dataclass(frozen=True)
class Segment:
    """Pieces `first` to `last` (exclusive) of a planned stream, which make up one shard."""

    first: int
    last: int


def write_mix(
    inputs: Inputs,
    recipe: Recipe,
    label: str,
    folder: Path,
    scratch: Path,
    execution: Execution,
    shard_tokens: int = _SHARD_TOKENS,
) -> dict[str, Any]:
    """Write the stream of `recipe.tokens` tokens to the empty `folder`, and return its manifest.

    Args:
        inputs: Token shards of all sources, and which documents are flagged.
        recipe: Budget, shares and seed.
        label: Of the checkpoint that reads the stream; unfinished work goes on under it.
        folder: Receives shards with index and metadata, and beside each <shard>.documents.parquet: start, end (in the
            stream), source, id, skip (tokens left out at the document's head), in order.
        scratch: Where unfinished work is kept.
        execution: Where tasks run.
        shard_tokens: Size of a shard.

    Raises:
        UserError: see `plan_stream`; the flags are not those of this corpus; a shard is truncated; a pool is unknown.
    """
    shards = {name: Shards(inputs.tokens / name) for name in set(inputs.folders.values())}
    lengths = {name: found.lengths for name, found in shards.items()}
    is_flagged, categories = load_flags(inputs.flags, inputs.tokens / "corpus")
    pool_of = _pools(inputs, shards["corpus"], recipe)
    by_layer = {layer: lengths[name] for layer, name in inputs.folders.items()}
    mixture = plan_stream(recipe, by_layer, is_flagged, pool_of)

    name = f"mix-{label}"
    path = scratch / "tasks" / name / "plan.pieces"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as stream:
        stream.write(mixture.pieces.tobytes())
    inputs_hash = json_md5([asdict(recipe), inputs.discourse, _hashes(inputs)])
    tasks = [
        (task_fingerprint(write_segment, inputs_hash, segment.first, segment.last), segment)
        for segment in _segments(mixture.pieces, shard_tokens)
    ]
    done = run_tasks(name, partial(write_segment, inputs, path.resolve()), tasks, scratch, execution)
    path.unlink()
    for number, task in enumerate(done):
        for file in task.files:
            hard_link(file, folder / f"{numbered(number, len(done))}{''.join(file.suffixes)}")

    quoting = {
        name: load_contamination(
            inputs.contamination / name, inputs.tokens / name, [s.documents for s in found.outlines]
        )
        for name, found in shards.items()
    }
    return {
        "stage": recipe.stage,
        "seed": recipe.seed,
        "tokens": recipe.tokens,
        "tokenizer": shards["corpus"].outlines[0].tokenizer,
        "configuration": json_md5([asdict(recipe), inputs.discourse]),
        "shards": [{"name": f"{numbered(number, len(done))}.ds", **task.told} for number, task in enumerate(done)],
        "share": _shares(mixture, recipe, inputs, pool_of),
        "contaminated": contaminated_summary(mixture, quoting, {n: inputs.folders[n] for n in inputs.names}),
        "flagged": flagged_summary(mixture, categories, is_flagged) | {"replaced": recipe.filtered},
        "sources": _accounts(mixture, recipe, inputs, by_layer, is_flagged, pool_of),
    }


def write_segment(inputs: Inputs, plan_file: Path, segment: Segment, folder: Path) -> TaskStatistics:
    """Write one shard of a planned stream, and its documents, to `folder`; tells its size and hash."""
    pieces = np.array(np.memmap(plan_file, dtype=PIECE, mode="r")[segment.first : segment.last])
    shards = {name: Shards(inputs.tokens / name) for name in set(inputs.folders.values())}
    layers = {layer: shards[name] for layer, name in inputs.folders.items()}
    first = layers[CORPUS].outlines[0]
    dtype = np.dtype(f"<u{first.width}")
    told = write_shard(folder / "tokens.ds", _stream(pieces, layers, dtype), dtype, first.tokenizer)
    with atomic_file(folder / f"tokens{DOCUMENTS}") as stream:
        _documents(pieces, layers, inputs.names).to_parquet(stream, index=False)
    return told


def _segments(pieces: np.ndarray, tokens: int) -> Iterator[Segment]:
    """Runs of pieces that hold `tokens` tokens, each ended by the piece that reaches them."""
    stops = ends(pieces)
    first = 0
    while first < len(pieces):
        last = int(np.searchsorted(stops, int(pieces["start"][first]) + tokens)) + 1
        yield Segment(first, min(last, len(pieces)))
        first = last


def _pools(inputs: Inputs, corpus: Shards, recipe: Recipe) -> np.ndarray:
    """Number in `recipe.pools` of each corpus document's pool, -1 when it is in none of them."""
    made = read_shard_records(inputs.tokens / "corpus")
    numbers = {name: number for number, (name, _) in enumerate(recipe.pools)}
    unknown = sorted(numbers.keys() - {one.pool for one in made})
    if unknown:
        raise UserError(
            f"study.stages.{recipe.stage}.pools names {', '.join(unknown)}, but the sources in corpus.sources have the "
            f"pools {', '.join(sorted({one.pool for one in made}))}"
        )
    of_part = [numbers.get(one.pool, -1) if recipe.pools else 0 for one in made]
    return np.repeat(np.array(of_part, dtype=np.int16), [found.documents for found in corpus.outlines])


def _hashes(inputs: Inputs) -> dict[str, list[str]]:
    """Hashes of everything that the stream depends on."""
    folders = [inputs.tokens / name for name in sorted(set(inputs.folders.values()))]
    return {
        str(number): [one.hash for one in read_shard_records(path)]
        for number, path in enumerate([*folders, inputs.flags])
    }


def _stream(pieces: np.ndarray, layers: dict[int, Shards], dtype: np.dtype) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The token ids of many pieces at a time, and how many each has. They are read in the order in which they lie on
    disk, so that a file is opened once for all that is read of it."""
    eos = layers[CORPUS].document(0)[-1]  # every document ends in it
    for run in _segments(pieces, _BLOCK_TOKENS):
        block = pieces[run.first : run.last]
        starts = block["start"] - block["start"][0]
        ids = np.empty(int(block["length"].sum()), dtype=dtype)
        for number in np.lexsort([block["document"], block["source"]]):
            piece, start = block[number], int(starts[number])
            skip, stop = int(piece["skip"]), start + int(piece["length"])
            document = layers[int(piece["source"])].document(int(piece["document"]))
            ids[start:stop] = document[skip : skip + stop - start]
            if piece["closed"]:
                ids[stop - 1] = eos
        yield ids, block["length"]


def _documents(pieces: np.ndarray, layers: dict[int, Shards], names: dict[int, str]) -> pd.DataFrame:
    ids = np.empty(len(pieces), dtype=object)
    sources = np.empty(len(pieces), dtype=object)
    for layer, name in names.items():
        mine = pieces["source"] == layer
        ids[mine] = layers[layer].ids(pieces["document"][mine])
        sources[mine] = name
    return pd.DataFrame(
        {"start": pieces["start"], "end": ends(pieces), "source": sources, "id": ids, "skip": pieces["skip"]}
    )


def _shares(mixture: Mixture, recipe: Recipe, inputs: Inputs, pool_of: np.ndarray) -> dict[str, dict[str, float]]:
    """Share of the stream that was asked for and reached, by inserted source; of the base, by pool."""
    pieces = mixture.pieces
    shares = {
        name: {
            "target": recipe.mcqa_share if layer == MCQA else recipe.synthetic_share,
            "reached": _tokens(pieces[pieces["source"] == layer]) / recipe.tokens,
        }
        for layer, name in inputs.names.items()
        if layer >= MCQA
    }
    base = mixture.layers[CORPUS]
    whole = sum(share for _, share in recipe.pools)
    for number, (name, share) in enumerate(recipe.pools):
        reached = _tokens(base[pool_of[base["document"]] == number]) / recipe.tokens
        shares[f"base: {name}"] = {"target": share / whole, "reached": reached}
    return shares


def _accounts(
    mixture: Mixture,
    recipe: Recipe,
    inputs: Inputs,
    lengths: dict[int, np.ndarray],
    is_flagged: np.ndarray,
    pool_of: np.ndarray,
) -> dict[str, Any]:
    """The account of every source, and of each pool of the corpus."""
    accounts = {}
    for layer, name in inputs.names.items():
        everything = np.ones(len(lengths[layer]), dtype=bool)
        pools = {f"{name}: {pool}": pool_of == n for n, (pool, _) in enumerate(recipe.pools)} if layer == CORPUS else {}
        for label, members in (pools or {name: everything}).items():
            accounts[label] = account(layer, recipe, mixture, lengths[layer], is_flagged, members)
    return accounts


def _tokens(pieces: np.ndarray) -> int:
    return int(pieces["length"].sum())
