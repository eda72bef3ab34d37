"""Reading windows of a stream: written out, planned (from the shards of its sources), and by datatrove from its own.

    python benchmarks/windows.py

200 million generated tokens in documents of 1,000 on average; windows of 2,049 tokens, eight at a time, in the order in
which training reads them, from a warm page cache on one core. Both streams must give the same tokens. The peer is
datatrove's `DatatroveFileDataset`, which nanotron reads by default, on the stream that is written out.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from results import write_result

from alignment_pretraining.core.planned import SOURCES, Layers, write_layers, write_pieces
from alignment_pretraining.core.shards import Shards, write_shard
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.mixing.tokens.mixture import CORPUS, MCQA, Corpus, Recipe, plan_stream
from alignment_pretraining.mixing.tokens.pools import Pools

TOKENS, CONTEXT, BATCH = 200_000_000, 2048, 8
DTYPE = np.dtype("<u2")


def main() -> None:
    """Print microseconds a window, and keep all in `benchmarks/results/windows.json`."""
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory(dir=Path.home()) as name:
        written, planned = _make(Path(name))
        streams = {"written": TokenStream.open(written), "planned": TokenStream.open(planned)}
        steps = len(streams["written"]) // (CONTEXT * BATCH) - 1
        for step in range(0, steps, 100):
            one, other = (stream.sequences(step * BATCH * CONTEXT, BATCH, CONTEXT) for stream in streams.values())
            if not np.array_equal(one, other):
                raise SystemExit("the two streams have other tokens")
        reads = {name: _ours(stream) for name, stream in streams.items()} | {"datatrove": _theirs(written)}
        found = {name: _time(read, steps) for name, read in reads.items()}
        sizes = {path.name: sum(p.stat().st_size for p in path.glob("0*")) for path in (written, planned)}
    for name, seconds in found.items():
        print(f"{name:10} {seconds * 1e6:6.1f} us a window of {CONTEXT + 1:,} tokens")
    print(f"written {sizes['written'] / 1e6:.0f} MB, planned {sizes['planned'] / 1e6:.1f} MB beside its sources")
    write_result(
        "windows", {"us_a_window": {n: s * 1e6 for n, s in found.items()}, "bytes": sizes}, ["numpy", "datatrove"]
    )


def _make(folder: Path) -> tuple[Path, Path]:
    """The same stream twice, written out and planned."""
    choose = np.random.default_rng(0)
    written, planned = folder / "written", folder / "planned"
    written.mkdir()
    source = planned / SOURCES / "corpus"
    source.mkdir(parents=True)
    lengths = (1 + choose.exponential(999, TOKENS // 1000)).astype(np.int64)

    def documents() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for some in np.array_split(lengths, 100):
            yield choose.integers(2, 50_000, int(some.sum())), some

    write_shard(source / "00000.ds", documents(), DTYPE, "generated")
    corpus = Corpus(lengths, np.zeros(len(lengths), int), Pools.of_parts(np.array([len(lengths)]), np.array([0])))
    recipe = Recipe("pretraining", 0, int(lengths.sum()) * 9 // 10, False, 0.0, 0.0, 1)
    mixture, segments = plan_stream(recipe, corpus, {MCQA: [lengths[:0]]}, 1 << 28)
    write_layers(planned, {CORPUS: "corpus"}, 1, DTYPE)
    layers = Layers({CORPUS: Shards(source)}, 1, DTYPE)
    for number, segment in enumerate(segments):
        pieces = mixture.pieces(segment, mixture.layers(segment))
        write_pieces(planned / f"{number:05d}.pieces", pieces, DTYPE, "generated")
        blocks = ((layers.read(some), some["length"]) for some in np.array_split(pieces, 20))
        write_shard(written / f"{number:05d}.ds", blocks, DTYPE, "generated")
    return written, planned


def _ours(stream: TokenStream) -> Callable[[int], None]:
    def read(step: int) -> None:
        stream.sequences(step * BATCH * CONTEXT, BATCH, CONTEXT)

    return read


def _theirs(folder: Path) -> Callable[[int], None]:
    from datatrove.utils.dataset import DatatroveFileDataset

    dataset = DatatroveFileDataset(str(folder / "00000.ds"), seq_len=CONTEXT, token_size=DTYPE.itemsize)

    def read(step: int) -> None:
        for number in range(step * BATCH, (step + 1) * BATCH):
            dataset[number]

    return read


def _time(read: Callable[[int], None], steps: int) -> float:
    """Seconds of CPU time a window, of the fastest of three passes."""
    seconds = []
    for _ in range(3):
        started = time.process_time()
        for step in range(steps):
            read(step)
        seconds.append(time.process_time() - started)
    return min(seconds) / steps / BATCH


if __name__ == "__main__":
    main()
