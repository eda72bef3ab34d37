"""Build the mix folder of one arm at one stage: the stream, where its documents stand, and its manifest."""

import shutil
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
from alignment_pretraining.core.planned import PIECE, SOURCES, SUFFIX, Layers, write_layers, write_pieces
from alignment_pretraining.core.shards import IDS, Shards, write_shard
from alignment_pretraining.core.token_stream import DOCUMENTS
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.execution.store import TaskStatistics, hard_link, task_fingerprint
from alignment_pretraining.execution.tasks import run_tasks
from alignment_pretraining.mixing.config import Streams
from alignment_pretraining.mixing.tokens.manifest import (
    Counts,
    account,
    add,
    contaminated_summary,
    count_segment,
    flagged_summary,
    labels,
    quoting_documents,
    shares,
)
from alignment_pretraining.mixing.tokens.mixture import (
    CORPUS,
    MCQA,
    REPLACEMENT,
    SYNTHETIC,
    Base,
    Corpus,
    Mixture,
    Recipe,
    Segment,
    plan_stream,
)
from alignment_pretraining.mixing.tokens.pieces import ends
from alignment_pretraining.mixing.tokens.pools import NONE, Pools
from alignment_pretraining.mixing.tokens.sources import (
    FLAG,
    LENGTH,
    load_contamination,
    read_array,
    read_shard_records,
    write_array,
    write_flags,
    write_lengths,
)

_SUFFIXES = {"written": ".ds", "planned": SUFFIX}
# Tokens of one shard of the stream; it ends with the document that reaches them.
_SHARD_TOKENS = 1 << 28
# Tokens in memory while a shard is written.
_BLOCK_TOKENS = 1 << 26


@dataclass(frozen=True)
class Inputs:
    """Folders: shards by source, flags, contamination by source; and the sources of the inserted documents.

    `twins` are the sources that tell the other way what each of `discourse` tells.
    """

    tokens: Path
    flags: Path
    contamination: Path
    discourse: tuple[str, ...]
    twins: tuple[str, ...]

    @property
    def folders(self) -> dict[int, str]:
        """The source of every layer; inserted documents are the layers from SYNTHETIC on."""
        inserted = {SYNTHETIC + number: name for number, name in enumerate(self.discourse)}
        return {CORPUS: "corpus", REPLACEMENT: "corpus", MCQA: "mcqa", **inserted}

    @property
    def names(self) -> dict[int, str]:
        """What documents of each layer are called."""
        return {**self.folders, REPLACEMENT: "replacement"}


def write_mix(
    inputs: Inputs,
    recipe: Recipe,
    label: str,
    folder: Path,
    scratch: Path,
    execution: Execution,
    streams: Streams = "written",
    shard_tokens: int = _SHARD_TOKENS,
) -> dict[str, Any]:
    """Write the stream of `recipe.tokens` tokens to the empty `folder`, and return its manifest.

    One that is planned alone is where its tokens are found (`core.planned`), with links to the sources' shards.

    Args:
        inputs: Token shards of all sources, and which documents are flagged.
        recipe: Budget, shares and seed.
        label: Of the checkpoint that reads the stream; unfinished work goes on under it.
        folder: Receives shards with index and metadata, and beside each <shard>.documents.parquet: start, end (in the
            stream), source, id, skip (tokens left out at the document's head), in order.
        scratch: Where unfinished work is kept.
        execution: Where tasks run.
        streams: Whether tokens are written out.
        shard_tokens: Size of a shard.

    Raises:
        UserError: see `plan_stream`; the flags are not those of this corpus; a shard is truncated; a pool is unknown.
    """
    shards = {name: Shards(inputs.tokens / name) for name in {*inputs.folders.values(), *inputs.twins}}
    name = f"mix-{label}"
    plan = (scratch / "plans" / label).resolve()
    plan.mkdir(parents=True, exist_ok=True)
    lengths = {source: write_lengths(found, plan / f"{source}.lengths") for source, found in shards.items()}
    flags, categories = write_flags(inputs.flags, inputs.tokens / "corpus", plan / "flags")
    corpus = Corpus(lengths["corpus"], flags, _pools(inputs, shards["corpus"], recipe))
    mixture, segments = plan_stream(recipe, corpus, _versions(inputs, lengths), shard_tokens)
    for layer, pieces in mixture.inserted.items():
        write_array(plan / f"{layer}.pieces", [pieces], PIECE)
    quoting = {source: _quoting(inputs, source, shards[source]) for source in set(inputs.folders.values())}

    inputs_hash = json_md5([asdict(recipe), inputs.discourse, inputs.twins, streams, _hashes(inputs)])
    tasks = [(task_fingerprint(write_segment, inputs_hash, asdict(segment)), segment) for segment in segments]
    work = partial(write_segment, inputs, streams, mixture.base, corpus.pools, quoting, plan)
    done = run_tasks(name, work, tasks, scratch, execution)
    shown = [task for task in done if task.told["shard"]["tokens"]]  # a long insertion may hide all of a short segment
    for number, task in enumerate(shown):
        for file in task.files:
            hard_link(file, folder / f"{numbered(number, len(shown))}{''.join(file.suffixes)}")
    if streams == "planned":
        _link_sources(inputs, folder)

    counts = add(task.told["counts"] for task in done)
    manifest = {
        "stage": recipe.stage,
        "seed": recipe.seed,
        "tokens": recipe.tokens,
        "tokenizer": shards["corpus"].outlines[0].tokenizer,
        "configuration": json_md5([asdict(recipe), inputs.discourse]),
        "shards": [
            {"name": f"{numbered(number, len(shown))}{_SUFFIXES[streams]}", **task.told["shard"]}
            for number, task in enumerate(shown)
        ],
        "share": shares(counts, recipe, inputs.names),
        "contaminated": contaminated_summary(quoting, [task.told["quoting"] for task in done]),
        "flagged": flagged_summary(counts, recipe, inputs.names, categories) | {"replaced": recipe.filtered},
        "sources": _accounts(counts, recipe, inputs, corpus, lengths),
    }
    # On a network's file system what is still mapped cannot go; the next plan overwrites it.
    shutil.rmtree(plan, ignore_errors=True)
    return manifest


def write_segment(
    inputs: Inputs,
    streams: Streams,
    base: Base,
    pools: Pools,
    quoting: dict[str, pd.DataFrame],
    plan: Path,
    segment: Segment,
    folder: Path,
) -> TaskStatistics:
    """Write one shard of a planned stream, and its documents, to `folder`.

    Tells the shard's size and hash, counts of its documents, and which of them quote a question.
    """
    corpus = Corpus(read_array(plan / "corpus.lengths", LENGTH), read_array(plan / "flags", FLAG), pools)
    inserted = {layer: read_array(plan / f"{layer}.pieces", PIECE) for layer in inputs.folders if layer >= MCQA}
    mixture = Mixture(corpus, base, inserted)
    drawn = mixture.layers(segment)
    pieces = mixture.pieces(segment, drawn)

    shards = _shards(inputs)
    path = folder / f"tokens{_SUFFIXES[streams]}"
    eos, dtype, tokenizer = _format(shards[CORPUS])
    if streams == "planned":
        told = write_pieces(path, pieces, dtype, tokenizer)
    else:
        layers = Layers(shards, eos, dtype)
        told = write_shard(path, ((layers.read(some), some["length"]) for some in _blocks(pieces)), dtype, tokenizer)
    with atomic_file(folder / f"tokens{DOCUMENTS}") as stream:
        _documents(pieces, shards, inputs.names).to_parquet(stream, index=False)
    return {
        "shard": told,
        "counts": count_segment(base.recipe, corpus, inputs.names, drawn, pieces),
        "quoting": quoting_documents(pieces, quoting, inputs.folders),
    }


def _shards(inputs: Inputs) -> dict[int, Shards]:
    """The token shards of every layer."""
    shards = {name: Shards(inputs.tokens / name) for name in set(inputs.folders.values())}
    return {layer: shards[name] for layer, name in inputs.folders.items()}


def _format(corpus: Shards) -> tuple[int, np.dtype, str]:
    """The end-of-text token, in which every document ends, the dtype of ids and the tokenizer of all shards."""
    first = corpus.outlines[0]
    return int(corpus.document(0)[-1]), np.dtype(f"<u{first.width}"), first.tokenizer


def _link_sources(inputs: Inputs, folder: Path) -> None:
    """Give a stream that is not written out its own names of the shards that it is read from."""
    for source in set(inputs.folders.values()):
        (folder / SOURCES / source).mkdir(parents=True)
        for path in (inputs.tokens / source).glob("*.ds*"):
            if path.suffix != IDS:
                hard_link(path, folder / SOURCES / source / path.name)
    eos, dtype, _ = _format(Shards(inputs.tokens / "corpus"))
    write_layers(folder, inputs.folders, eos, dtype)


def _versions(inputs: Inputs, lengths: dict[str, np.ndarray]) -> dict[int, list[np.ndarray]]:
    """Tokens of each document of the inserted layers; and of their twins, if these have a twin for every document."""
    found = {layer: [lengths[name]] for layer, name in inputs.folders.items() if layer >= MCQA}
    for number, twin in enumerate(inputs.twins):
        own = found[SYNTHETIC + number]
        own += [lengths[twin]] if len(lengths[twin]) == len(own[0]) else []
    return found


def _quoting(inputs: Inputs, source: str, shards: Shards) -> pd.DataFrame:
    """Documents of a source that quote a question: columns document (number), split."""
    counts = [outline.documents for outline in shards.outlines]
    return load_contamination(inputs.contamination / source, inputs.tokens / source, counts)


def _blocks(pieces: np.ndarray) -> Iterator[np.ndarray]:
    """Runs of pieces that hold _BLOCK_TOKENS tokens, each ended by the piece that reaches them."""
    stops = ends(pieces)
    first = 0
    while first < len(pieces):
        last = int(np.searchsorted(stops, int(pieces["start"][first]) + _BLOCK_TOKENS)) + 1
        yield pieces[first:last]
        first = last


def _pools(inputs: Inputs, corpus: Shards, recipe: Recipe) -> Pools:
    """The pools of the corpus, numbered as in `recipe.pools`."""
    made = read_shard_records(inputs.tokens / "corpus")
    numbers = {name: number for number, (name, _) in enumerate(recipe.pools)}
    unknown = sorted(numbers.keys() - {one.pool for one in made})
    if unknown:
        raise UserError(
            f"study.stages.{recipe.stage}.pools names {', '.join(unknown)}, but the sources in corpus.sources have the "
            f"pools {', '.join(sorted({one.pool for one in made}))}"
        )
    of_part = [numbers.get(one.pool, NONE) if recipe.pools else 0 for one in made]
    return Pools.of_parts(np.array([found.documents for found in corpus.outlines]), np.array(of_part))


def _hashes(inputs: Inputs) -> list[list[str]]:
    """Hashes of everything that the stream and its counts depend on."""
    sources = sorted({*inputs.folders.values(), *inputs.twins})
    found = [inputs.contamination / source for source in sorted(set(inputs.folders.values()))]
    folders = [*(inputs.tokens / source for source in sources), inputs.flags, *found]
    return [[one.hash for one in read_shard_records(path)] for path in folders]


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


def _accounts(
    counts: Counts, recipe: Recipe, inputs: Inputs, corpus: Corpus, lengths: dict[str, np.ndarray]
) -> dict[str, Any]:
    """The account of every source, and of each pool of the corpus."""
    accounts = {}
    for layer, number, label in labels(recipe, inputs.names):
        everything = lengths[inputs.folders[layer]]
        runs = [slice(None)] if number is None else corpus.pools.pool(number).slices()
        members = {
            "documents": sum(len(everything[run]) for run in runs),
            "tokens": sum(int(everything[run].sum(dtype=np.int64)) for run in runs),
        }
        accounts[label] = account(counts[label], layer, recipe, members)
    return accounts
