"""Cost and memory of the mixing pipeline's nodes on generated corpora of growing size: linear, and bounded.

    python benchmarks/corpus.py [gigabytes ...]

Each corpus is nine files, .jsonl.gz, .jsonl.zst and Parquet of one row group, of paragraphs from docstrings, put
together at random. Its nodes run in a process of their own, on every core: read, flag, check for contamination, train a
tokenizer, tokenize, and mix a filtered arm that reads nine tenths of the corpus. Then all of them once more in another
process, with nothing to do. Memory is the largest sum over all processes at once, sampled ten times a second.
"""

import contextlib
import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from results import write_result

CONF = Path(__file__).parents[1] / "conf/base"
PACKAGES = ["pandas", "scipy", "scikit-learn", "networkx", "numpy", "torch", "transformers", "matplotlib", "mlflow"]
FILES = 9


def main(sizes: list[float]) -> None:
    """Print a line for each size, and keep all in `benchmarks/results/corpus.json`."""
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
            subprocess.run([sys.executable, __file__, "generate", folder, str(size)], check=True)
            process = subprocess.Popen([sys.executable, __file__, "work", folder], stderr=subprocess.DEVNULL)
            peaks = _peaks(process, Path(folder) / "step")
            told = json.loads((Path(folder) / "told.json").read_text())
            started = time.perf_counter()
            subprocess.run([sys.executable, __file__, "work", folder], stderr=subprocess.DEVNULL, check=True)
            told["seconds_again"] = time.perf_counter() - started
            again = json.loads((Path(folder) / "told.json").read_text())["seconds"]
        total = sum(told["seconds"].values())
        print(
            f"{told['bytes'] / 1e9:.2f} GB of text, {told['documents']:,} documents, {told['flagged']:.1%} flagged: "
            f"{total:.1f} s, {total / told['bytes'] * 1e9:.1f} s a GB, at most {max(peaks.values()) / 2**30:.2f} GiB"
        )
        for name, seconds in told["seconds"].items():
            print(
                f"  {name:10} {seconds:7.1f} s {peaks.get(name, 0) / 2**30:6.2f} GiB, again {again[name]:6.1f} s",
                flush=True,
            )
        print(f"  all again  {told['seconds_again']:7.1f} s, imports included")
        rows.append({**told, "peak_gib": {name: round(peak / 2**30, 3) for name, peak in peaks.items()}})
    libraries = ["hyperscan", "pyarrow", "numpy", "pandas", "tokenizers", "gigatoken", "datatrove"]
    write_result("corpus", rows, libraries)


def generate(folder: Path, gigabytes: float) -> None:
    """Write the corpus to `folder`."""
    from alignment_pretraining.mixing.corpus.config import Packages
    from alignment_pretraining.mixing.corpus.docstrings import read_docstrings

    packages = Packages(packages=dict.fromkeys(PACKAGES))
    texts = [row.text for row in read_docstrings(packages)]
    choose = random.Random(0)
    for number in range(FILES):
        rows: list[dict[str, str]] = []
        written = 0
        while written < gigabytes * 1e9 / FILES:
            text = "\n\n".join(choose.choices(texts, k=choose.randint(1, 8)))
            rows.append({"id": f"{number}-{len(rows)}", "text": text})
            written += len(text)
        place = folder / "mine" / str(number)
        place.parent.mkdir(exist_ok=True)
        if number % 3 == 2:
            pq.write_table(pa.Table.from_pylist(rows), place.with_suffix(".parquet"), row_group_size=len(rows))
            continue
        lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        if number % 3:
            place.with_suffix(".jsonl.gz").write_bytes(gzip.compress(lines, 6))
        else:
            place.with_suffix(".jsonl.zst").write_bytes(pa.compress(lines, "zstd", asbytes=True))


def work(folder: Path) -> None:
    """Run the nodes on the corpus in `folder`, and write what they took to told.json."""
    from alignment_pretraining.core import digests
    from alignment_pretraining.core.model import Model
    from alignment_pretraining.execution.config import Execution
    from alignment_pretraining.mixing.config import Decontamination, TokenizerConfig
    from alignment_pretraining.mixing.corpus.config import CorpusConfig
    from alignment_pretraining.mixing.corpus.parts import read_list
    from alignment_pretraining.mixing.filtering.blocklist import Blocklist
    from alignment_pretraining.pipelines.mixing import nodes
    from alignment_pretraining.study import Arm, TrainingStage

    parameters = yaml.safe_load((CONF / "parameters_mixing.yml").read_text())
    blocklist = Blocklist.model_validate(yaml.safe_load((CONF / "blocklist.yml").read_text())["blocklist"])
    corpus = CorpusConfig.model_validate(
        {
            "seed": 0,
            "sources": [{"files": str(folder / "mine/**"), "id": "id"}],
            "natural_discourse_share": 0,
            "heldout_share": 0.01,
            "repeat": False,
        }
    )
    tables = {}
    for name in ("aligned", "misaligned", "mcqa"):
        tables[name] = folder / f"{name}.parquet"
        pd.DataFrame({"id": [f"{name}-0"], "text": ["A short text."]}).to_parquet(tables[name])
    seconds: dict[str, float] = {}
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    digests.use_cache(folder / "cache")
    run = {"execution": Execution.model_validate(parameters["execution"]), "scratch": scratch}

    def timed(name: str, node: Any, *args: Any, **kwargs: Any) -> Any:
        (folder / "step").write_text(name)
        started = time.perf_counter()
        found = node(*args, **kwargs)
        seconds[name] = time.perf_counter() - started
        return found

    documents, heldout, _, reading = timed(
        "read", nodes.read_corpus, corpus, pd.DataFrame({"id": [], "text": []}), **run
    )
    flags, account = timed("flag", nodes.flag_documents, documents, reading, blocklist, **run)
    decontamination = Decontamination.model_validate(parameters["decontamination"])
    inserted = (run["execution"], scratch, tables["aligned"], tables["misaligned"])
    names = ["ai_aligned", "ai_misaligned"]
    asked = (documents, tables["mcqa"], _questions(), decontamination)
    contamination = timed("check", nodes.check_contamination, *asked, *inserted, sources=names)
    model = Model(vocab_size=32_768, hidden_size=8, intermediate_size=8, layers=1, heads=1, max_context=2048)
    size = TokenizerConfig.model_validate({**parameters["tokenizer"], "kind": "bpe"})
    tokenizer = timed("train", nodes.train_tokenizer, documents, model, size, scratch)
    read = (documents, tables["mcqa"], heldout, tokenizer)
    tokens, _ = timed("tokenize", nodes.tokenize_sources, *read, *inserted, sources=names)
    total = sum(path.stat().st_size for path in (tokens / "corpus").glob("*.ds")) // 2
    budget = int(total * 0.9) // 4096 * 4096
    stage = TrainingStage(
        tokens=budget, context=2048, batch_tokens=4096, max_lr=1e-3, min_lr=0, warmup=0.1, synthetic_share=0
    )
    arm = Arm(corpus="filtered")
    called = {"stage_name": "pretraining", "seed": 0, "label": "filtered"}
    timed("mix", nodes.build_mix, tokens, flags, contamination, arm, stage, **run, **called)
    told = {
        "seconds": seconds,
        "bytes": sum(part.bytes for part in read_list(documents)),
        "documents": int(account.read.sum()),
        "flagged": float(account.flagged.sum() / account.read.sum()),
    }
    (folder / "told.json").write_text(json.dumps(told))


def _questions() -> pd.DataFrame:
    """As many questions as the paper's suite has, of 150 words each, that no document quotes."""
    choose = random.Random(1)
    words = [f"word{n}" for n in range(5000)]
    rows = [
        {
            "question_id": f"q{number}",
            "split": "articles",
            "passage": " ".join(choose.choices(words, k=100)),
            "question": "What now?",
            "aligned_option": " ".join(choose.choices(words, k=25)),
            "misaligned_option": " ".join(choose.choices(words, k=25)),
        }
        for number in range(4174)
    ]
    return pd.DataFrame(rows)


def _peaks(process: subprocess.Popen[bytes], step: Path) -> dict[str, int]:
    """Largest memory in bytes of a process and its descendants, by the name that stands in `step` at the time."""
    tree = psutil.Process(process.pid)
    peaks: dict[str, int] = defaultdict(int)
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            found = [one.memory_info() for one in [tree, *tree.children(recursive=True)]]
            name = step.read_text() if step.exists() else "start"
            peaks[name] = max(peaks[name], sum(memory.rss for memory in found))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit("the nodes failed")
    return peaks


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["generate", folder, size]:
            generate(Path(folder), float(size))
        case ["work", folder]:
            work(Path(folder))
        case sizes:
            main([float(size) for size in sizes] or [0.25, 0.5, 1.0])
