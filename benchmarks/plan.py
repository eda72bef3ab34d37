"""Time and memory of planning a stream, against a shuffle by NumPy that is held in memory.

    python benchmarks/plan.py [millions of documents ...]

Documents have generated lengths, 1,000 tokens on average, and one in fifty is flagged; the stream reads nine tenths of
the corpus, replaces what is flagged and has 1 % inserted documents. Each case runs in a process of its own, on one
core: the plan, then the pieces of every segment, as the tasks that write them compute them; beside it NumPy's
permutation of the documents, their lengths in its order and where they begin, the least that a plan in memory holds.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from results import write_result

from alignment_pretraining.mixing.tokens.mixture import CORPUS, MCQA, SYNTHETIC, Corpus, Recipe, plan_stream
from alignment_pretraining.mixing.tokens.pools import Pools
from alignment_pretraining.mixing.tokens.sources import FLAG, LENGTH, read_array, write_array

TOKENS = 1000
SEGMENT_TOKENS = 1 << 28
# Millions of documents: NumPy has not the memory for more.
MOST_BY_NUMPY = 100
BLOCK = 1 << 20


def main(millions: list[int]) -> None:
    """Print a line for each case, and keep all in `benchmarks/results/plan.json`."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        for count in millions:
            subprocess.run([sys.executable, __file__, "generate", folder, str(count)], check=True)
            for how in ("ours", "numpy") if count <= MOST_BY_NUMPY else ("ours",):
                command = [sys.executable, __file__, how, folder]
                told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                found[f"{how} {count}M"] = told
                memory = f"{told['peak_gib']:.2f} GiB at most, {told['mapped_gib']:.2f} of them mapped"
                more = f", all pieces {told['pieces_s']:.1f} s ({told['segments']:,} segments)" if how == "ours" else ""
                print(f"{count}M documents, {how}: plan {told['plan_s']:.1f} s of one core{more}; {memory}", flush=True)
    write_result("plan", found, ["numpy"])


def generate(folder: Path, documents: int) -> None:
    """Write lengths and flags of a corpus to `folder`."""
    choose = np.random.default_rng(0)
    blocks = [min(BLOCK, documents - start) for start in range(0, documents, BLOCK)]
    write_array(folder / "lengths", (1 + choose.exponential(TOKENS - 1, size) for size in blocks), LENGTH)
    write_array(folder / "flags", (choose.random(size) < 0.02 for size in blocks), FLAG)


def ours(folder: Path) -> dict[str, Any]:
    """Plan the stream, then lay out every segment of it."""
    lengths, flags = read_array(folder / "lengths", LENGTH), read_array(folder / "flags", FLAG)
    total = sum(int(lengths[start : start + BLOCK].sum(dtype=np.int64)) for start in range(0, len(lengths), BLOCK))
    recipe = Recipe("pretraining", 0, total * 9 // 10, True, 0.0, 0.01, 1)
    corpus = Corpus(lengths, flags, Pools.of_parts(np.array([len(lengths)]), np.array([0])))
    inserted = np.random.default_rng(1).integers(1, 2 * TOKENS, size=len(lengths) // 90, dtype=LENGTH)
    started = time.process_time()
    mixture, segments = plan_stream(recipe, corpus, {MCQA: [inserted[:0]], SYNTHETIC: [inserted]}, SEGMENT_TOKENS)
    planned = time.process_time()
    tokens = 0
    for segment in segments:
        tokens += int(mixture.pieces(segment, mixture.layers(segment))["length"].sum())
    assert tokens == recipe.tokens and mixture.base.slots > len(lengths) * 0.89 and CORPUS == 0
    seconds = {"plan_s": planned - started, "pieces_s": time.process_time() - planned}
    return seconds | {"segments": len(segments)} | _memory()


def numpy(folder: Path) -> dict[str, Any]:
    """Shuffle the documents in memory."""
    lengths = read_array(folder / "lengths", LENGTH)
    started = time.process_time()
    order = np.random.default_rng(0).permutation(len(lengths))
    taken = lengths[order].astype(np.int64)
    starts = np.cumsum(taken) - taken
    seconds = time.process_time() - started
    assert starts[-1] > 0
    return {"plan_s": seconds} | _memory()


def _memory() -> dict[str, float]:
    """The largest memory of this process so far, and how much of it is mapped from files now, in GiB."""
    status = Path("/proc/self/status").read_text().splitlines()
    mapped = next(int(line.split()[1]) for line in status if line.startswith("RssFile"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_gib": round(peak / 2**20, 3), "mapped_gib": round(mapped / 2**20, 3)}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["generate", folder, millions]:
            generate(Path(folder), int(millions) * 1_000_000)
        case ["ours" | "numpy" as how, folder]:
            os.sched_setaffinity(0, {0})
            work = ours if how == "ours" else numpy
            print(json.dumps(work(Path(folder))))
        case counts:
            main([int(count) for count in counts] or [50, 500])
