"""Throughput of the keyword filter, in CPU time of one core: prose, docstrings, and prose in other scripts.

    python benchmarks/filter.py

Prose is the manuals that Debian ships (`manuals.py`), a text a page; docstrings are those of installed packages, a text
each. Of each corpus, in MB of its UTF-8: folding alone, matching alone, and the filter's decisions (folding, matching,
the table of flags); of the first two also decisions on a gigabyte, the corpus again and again, with the compilation of
the terms, once. The filter is given them as Arrow has them, which is
how it gets them of a part of a corpus. Other engines match the same folded texts; all must
find the same terms, and on a sample the decisions are those of the plain definition, `RegexMatcher` on texts from
`normalize`. Then the read path: documents from .jsonl.gz and .jsonl.zst, without and with the filter's decisions.
"""

import gzip
import json
import math
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import matchers
import pyarrow as pa
import yaml
from manuals import manuals
from results import write_result

from alignment_pretraining.mixing.corpus.config import Files, Packages
from alignment_pretraining.mixing.corpus.docstrings import read_docstrings
from alignment_pretraining.mixing.corpus.document import Document
from alignment_pretraining.mixing.corpus.files import find_files, read_file
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.flags import flag
from alignment_pretraining.mixing.filtering.folding import fold
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher, RegexMatcher

T = TypeVar("T")
CONF = Path(__file__).parents[1] / "conf/base"
PACKAGES = ["pandas", "scipy", "scikit-learn", "networkx", "numpy", "torch", "transformers", "matplotlib", "mlflow"]
PEERS = {
    "google-re2": matchers.google_re2,
    "ahocorasick_rs": matchers.rust_aho_corasick,
    "pyahocorasick": matchers.c_aho_corasick,
    "re": matchers.alternations,
}
# Bytes that the slow ones see, from texts all over a corpus.
SAMPLE = {"google-re2": 30e6, "ahocorasick_rs": 10e6, "pyahocorasick": 10e6, "re": 2e5}
COMPARED_WITH_PEERS = ("prose", "docstrings")


def main() -> None:
    """Print a line for each measurement, and keep all in `benchmarks/results/filter.json`."""
    blocklist = Blocklist.model_validate(yaml.safe_load((CONF / "blocklist.yml").read_text())["blocklist"])
    terms = [term for _, term in blocklist.terms]
    os.sched_setaffinity(0, {0})
    docstrings = [row.text for row in read_docstrings(Packages(packages=dict.fromkeys(PACKAGES)))]
    corpora = {"docstrings": docstrings, **manuals()}
    matcher, compilation = _time(lambda: HyperscanMatcher(terms), repeats=5)
    print(f"{len(terms)} terms, compiled in {compilation:.3f} s")
    found: dict[str, Any] = {}
    for name, texts in corpora.items():
        found[name] = _measure(texts, blocklist, matcher)
        if name in COMPARED_WITH_PEERS:
            found[name]["gigabyte_with_compilation"] = _gigabyte(texts, blocklist, terms)
        print(name, json.dumps(found[name]), flush=True)
        _hold_to_definition(_sample(texts, 1e6), blocklist, matcher, terms)
        if name in COMPARED_WITH_PEERS:
            found[name]["peers"] = {peer: _measure_peer(peer, texts, matcher, terms) for peer in PEERS}
            print(f"{name}, matching alone, MB/s:", json.dumps(found[name]["peers"]), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        reading = {path.name: _read_path(path, blocklist, matcher) for path in _write(docstrings, Path(folder))}
    told = {"terms": len(terms), "compilation_seconds": compilation, "corpora": found, "reading": reading}
    libraries = [
        "hyperscan",
        "numba",
        "numpy",
        "google-re2",
        "ahocorasick_rs",
        "pyahocorasick",
        "isal",
        "pyarrow",
        "orjson",
    ]
    write_result("filter", told, libraries)


def _measure(texts: Sequence[str], blocklist: Blocklist, matcher: HyperscanMatcher) -> dict[str, float]:
    mb = _bytes(texts) / 1e6
    part = pa.array(texts)
    for _ in fold(part, matcher.reach):  # compiled, and characters looked up, once
        pass
    folded, folding = _time(lambda: list(fold(part, matcher.reach)))
    hits, matching = _time(lambda: matcher.find_folded(folded))
    flags, all_of_it = _time(lambda: flag(part, blocklist, matcher))
    return {
        "documents": len(texts),
        "mb": round(mb, 2),
        "ascii_share": round(sum(len(text) for text in texts if text.isascii()) / sum(map(len, texts)), 3),
        "share_with_a_term": round(len(hits) / len(texts), 4),
        "share_flagged": round(float(flags.flagged.mean()), 4),
        "folding": round(mb / folding, 1),
        "matching": round(mb / matching, 1),
        "filter": round(mb / all_of_it, 1),
    }


def _gigabyte(texts: Sequence[str], blocklist: Blocklist, terms: list[str]) -> float:
    part, size = pa.array(texts), _bytes(texts)
    times = math.ceil(1e9 / size)

    def work() -> None:
        matcher = HyperscanMatcher(terms)
        for _ in range(times):
            flag(part, blocklist, matcher)

    _, seconds = _time(work)
    return round(times * size / 1e6 / seconds, 1)


def _measure_peer(peer: str, texts: Sequence[str], matcher: HyperscanMatcher, terms: list[str]) -> float:
    """MB/s of matching alone; its compilation is not counted."""
    some = _sample(texts, SAMPLE[peer])
    folded = list(fold(some, matcher.reach))
    readings = [
        (owner, reading.decode())
        for one in folded
        for owner, reading in zip(one.owners.tolist(), one.text.tobytes().split(b"\0"), strict=False)
    ]
    find = PEERS[peer](terms)

    def work() -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for owner, reading in readings:
            numbers = find(reading)
            if numbers:
                found.setdefault(owner, set()).update(numbers)
        return found

    found, seconds = _time(work, repeats=2)
    if found != matcher.find_folded(folded):
        raise SystemExit(f"{peer} finds other terms")
    return round(_bytes(some) / 1e6 / seconds, 2)


def _hold_to_definition(
    texts: Sequence[str], blocklist: Blocklist, matcher: HyperscanMatcher, terms: list[str]
) -> None:
    if not flag(texts, blocklist, matcher).equals(flag(texts, blocklist, RegexMatcher(terms))):
        raise SystemExit("the filter decides otherwise than its definition")


def _sample(texts: Sequence[str], size: float) -> Sequence[str]:
    return texts[:: max(1, int(_bytes(texts) / size))]


def _bytes(texts: Sequence[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def _write(documents: Sequence[str], folder: Path) -> list[Path]:
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


def _time(work: Callable[[], T], repeats: int = 5) -> tuple[T, float]:
    """Result of `work`, and the seconds of CPU time of its fastest repeat."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return result, min(seconds)


if __name__ == "__main__":
    main()
