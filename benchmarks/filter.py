"""Throughput of the keyword filter on the docstring corpus: Hyperscan against compiled `re` alternations, in one run.

Matching alone, on one core: the texts are read and folded before the clock starts. Both decide on every document, and
the run fails when a decision differs. Usage: `python benchmarks/filter.py`.
"""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import yaml

from alignment_pretraining.corpus.assemble import read_sources
from alignment_pretraining.corpus.config import CorpusConfig
from alignment_pretraining.filtering.blocklist import Blocklist
from alignment_pretraining.filtering.fold import fold
from alignment_pretraining.filtering.matcher import HyperscanMatcher, pattern

T = TypeVar("T")
CONF = Path(__file__).parents[1] / "conf/base"


def main() -> None:
    """Time both engines and print one line each."""
    corpus = yaml.safe_load((CONF / "parameters_mixing.yml").read_text())["corpus"]
    blocklist = Blocklist.model_validate(yaml.safe_load((CONF / "blocklist.yml").read_text())["blocklist"])
    documents, _ = read_sources(CorpusConfig.model_validate(corpus))
    texts = [fold(text) for text in documents.text]
    size = sum(map(len, texts)) / 1e6

    matcher = HyperscanMatcher([term for _, term in blocklist.terms])
    found, fast = _time(lambda: matcher.find(texts), repeats=5)
    flagged = [blocklist.decide(numbers).flagged for numbers in found]

    alternations = [
        (category.mode, re.compile(b"|".join(map(pattern, category.terms)), re.IGNORECASE))
        for category in blocklist.root.values()
    ]
    plainly, slow = _time(lambda: [_decide_plainly(text, alternations) for text in texts], repeats=1)
    if flagged != plainly:
        raise SystemExit("the engines disagree")

    hits = sum(map(bool, found)) / len(texts)
    print(f"{len(texts)} documents, {size:.1f} MB, {len(blocklist.terms)} terms")
    print(f"hit rate: {hits:.2%} of documents hold a term, {sum(flagged) / len(texts):.2%} are flagged")
    print(f"hyperscan        {size / fast:8.1f} MB/s")
    print(f"re alternations  {size / slow:8.2f} MB/s")
    print(f"ratio            {slow / fast:8.0f}")


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
