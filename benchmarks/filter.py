"""Throughput of the keyword filter on the docstring corpus: Hyperscan against compiled `re` alternations, in one run.

Folding alone, then matching alone, on one core: texts are read before the clock starts. Both engines decide on every
document, and the run fails when a decision differs. Then the read path, on one core and as MB of text: the same texts
again and again from .jsonl.gz and .jsonl.zst, decompressed and parsed, without and with the filter's decisions.

    python benchmarks/filter.py
"""

import gzip
import json
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import yaml
from results import write_result

from alignment_pretraining.mixing.corpus.config import Files, Packages
from alignment_pretraining.mixing.corpus.docstrings import read_docstrings
from alignment_pretraining.mixing.corpus.document import Document
from alignment_pretraining.mixing.corpus.files import find_files, read_file
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.flags import flag
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher, is_acronym, pattern
from alignment_pretraining.mixing.filtering.normalize import normalize

T = TypeVar("T")
CONF = Path(__file__).parents[1] / "conf/base"
PACKAGES = ["pandas", "scipy", "scikit-learn", "networkx"]


def main() -> None:
    """Time both engines, print one line each, and keep all in `benchmarks/results/filter.json`."""
    blocklist = Blocklist.model_validate(yaml.safe_load((CONF / "blocklist.yml").read_text())["blocklist"])
    os.sched_setaffinity(0, {0})
    documents = [row.text for row in read_docstrings(Packages(packages=dict.fromkeys(PACKAGES)))]
    texts, folding = _time(lambda: [normalize(text) for text in documents], repeats=5)
    size = sum(map(len, texts)) / 1e6

    matcher = HyperscanMatcher([term for _, term in blocklist.terms])
    found, fast = _time(lambda: matcher.find(texts), repeats=5)
    flagged = [blocklist.decide(numbers).flagged for numbers in found]

    alternations = [
        (category.mode, re.compile(b"|".join(map(pattern, terms)), re.NOFLAG if cased else re.IGNORECASE))
        for category in blocklist.root.values()
        for cased in (False, True)
        if (terms := [term for term in category.terms if is_acronym(term) == cased])
    ]
    plainly, slow = _time(lambda: [_decide_plainly(text, alternations) for text in texts], repeats=1)
    if flagged != plainly:
        raise SystemExit("the engines disagree")

    hits = sum(map(bool, found)) / len(texts)
    print(f"{len(texts)} documents, {size:.1f} MB, {len(blocklist.terms)} terms")
    print(f"hit rate: {hits:.2%} of documents hold a term, {sum(flagged) / len(texts):.2%} are flagged")
    print(f"folding          {size / folding:8.1f} MB/s")
    print(f"hyperscan        {size / fast:8.1f} MB/s")
    print(f"re alternations  {size / slow:8.2f} MB/s")
    print(f"ratio            {slow / fast:8.0f}")
    with tempfile.TemporaryDirectory() as folder:
        reading = {path.name: _read_path(path, blocklist, matcher) for path in _write(documents, Path(folder))}
    found_all = {
        "documents": len(texts),
        "mb": size,
        "terms": len(blocklist.terms),
        "share_with_a_term": hits,
        "share_flagged": sum(flagged) / len(texts),
        "mb_per_second": {"folding": size / folding, "hyperscan": size / fast, "re": size / slow},
        "reading": reading,
    }
    write_result("filter", found_all, ["hyperscan", "isal", "pyarrow", "orjson"])


def _write(documents: list[str], folder: Path) -> list[Path]:
    """100 MB of documents, each of one to eight docstrings, compressed both ways."""
    choose = random.Random(0)
    rows: list[str] = []
    size = 0
    while size < 100e6:
        text = "\n\n".join(choose.choices(documents, k=choose.randint(1, 8)))
        rows.append(json.dumps({"id": str(len(rows)), "text": text}))
        size += len(text)
    data = "\n".join(rows).encode()
    paths = [folder / "documents.jsonl.gz", folder / "documents.jsonl.zst"]
    paths[0].write_bytes(gzip.compress(data, 6))
    with pa.CompressedOutputStream(str(paths[1]), "zstd") as stream:
        stream.write(data)
    return paths


def _read_path(path: Path, blocklist: Blocklist, matcher: HyperscanMatcher) -> dict[str, float]:
    spec = Files(files=str(path), id="id")
    [file] = find_files(spec)

    def read() -> int:
        return sum(len(row.text) for row in read_file(spec, file) if isinstance(row, Document))

    def decide() -> None:
        batch: list[str] = []
        for row in read_file(spec, file):
            if isinstance(row, Document):
                batch.append(row.text)
            if len(batch) == 4096:
                flag(batch, blocklist, matcher)
                batch.clear()
        flag(batch, blocklist, matcher)

    size, seconds = _time(read, repeats=3)
    _, with_filter = _time(decide, repeats=3)
    plain, filtered = size / 1e6 / seconds, size / 1e6 / with_filter
    print(f"{path.name:18} read {plain:5.0f} MB/s, read and filtered {filtered:5.0f} MB/s")
    return {"read_mb_per_second": plain, "filtered_mb_per_second": filtered}


def _decide_plainly(text: bytes, alternations: Sequence[tuple[str, re.Pattern[bytes]]]) -> bool:
    modes = {mode for mode, alternation in alternations if alternation.search(text)}
    return "instant" in modes or {"entity", "modifier"} <= modes


def _time(work: Callable[[], T], repeats: int) -> tuple[T, float]:
    """Result of `work`, and the seconds of its fastest repeat."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


if __name__ == "__main__":
    main()
