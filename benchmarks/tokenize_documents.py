"""Tokenizing and packing: `encode_part` against datatrove's `DocumentTokenizer`, on one core, from a cold start.

    python benchmarks/tokenize_documents.py

Each runs in a fresh process of its own, imports and tokenizer loading included, on docstrings of installed packages,
none of them twice, and is timed from outside. The run fails when the token ids differ. Then ours, as eight tasks
on more of such text, in one process and in one a core, both started before.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from results import write_result

VOCABULARY = 16_384
PACKAGES = """pandas scipy scikit-learn networkx numpy torch transformers matplotlib statsmodels mlflow dvc kedro
    datasets trl accelerate sympy pyarrow lm-eval sqlalchemy fsspec"""


def main() -> None:
    """Print a line for each, and keep all in `benchmarks/results/tokenize_documents.json`."""
    os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _in_own_process(_prepare, folder)
        size = (folder / "size").read_text()
        print(f"{float(size):.1f} MB of text, a vocabulary of {VOCABULARY:,}, one core")
        ours = _in_own_process(_ours, folder)
        theirs = _in_own_process(_datatrove, folder)
        mine, other = (np.fromfile(next((folder / side).rglob("*.ds")), "<u2") for side in ("ours", "theirs"))
        same = np.array_equal(mine, other)
    if not same:
        raise SystemExit("the token ids differ")
    print(f"encode_part               {float(size) / ours:7.1f} MB/s ({ours:.1f} s)")
    print(f"datatrove, the same ids   {float(size) / theirs:7.1f} MB/s ({theirs:.1f} s)")
    print(f"ratio                     {theirs / ours:7.1f}")
    with tempfile.TemporaryDirectory() as name:
        _in_own_process(_over_processes, Path(name))
        scaling = json.loads((Path(name) / "scaling.json").read_text())
    found = {
        "mb": float(size),
        "vocabulary": VOCABULARY,
        "seconds": {"encode_part": ours, "datatrove": theirs},
        "mb_per_second_by_processes": scaling,
    }
    write_result("tokenize_documents", found, ["datatrove", "gigatoken", "tokenizers", "awkward", "numpy"])


def _in_own_process(work: Callable[[Path], None], folder: Path) -> float:
    """Seconds of a whole process. A child of `multiprocessing` would wait for its own workers for ever."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, work.__name__, str(folder)], check=False)
    if done.returncode:
        raise SystemExit(f"{work.__name__} failed")
    return time.perf_counter() - started


def _prepare(folder: Path) -> None:
    """Write the documents as Parquet, and a tokenizer trained on them."""
    import pandas as pd

    from alignment_pretraining.mixing.corpus.config import Packages
    from alignment_pretraining.mixing.corpus.docstrings import read_docstrings
    from alignment_pretraining.mixing.tokens.tokenizer import SPECIAL_TOKENS, train_tokenizer

    documents = pd.DataFrame(read_docstrings(Packages(packages=dict.fromkeys(PACKAGES.split()))))
    # In a text, datatrove takes the name of a special token for the token; ours takes it for text.
    documents = documents[~documents.text.str.contains("|".join(map(re.escape, SPECIAL_TOKENS)))]
    train_tokenizer(documents.text, VOCABULARY, 2_048, folder / "tokenizer")
    (folder / "input").mkdir()
    documents[["id", "text"]].to_parquet(folder / "input/documents.parquet")
    (folder / "size").write_text(str(documents.text.map(lambda text: len(text.encode())).sum() / 1e6))


def _ours(folder: Path) -> None:
    from alignment_pretraining.mixing.corpus.parts import table_part
    from alignment_pretraining.mixing.tokens.encode import encode_part

    (folder / "ours").mkdir()
    encode_part(folder / "tokenizer", table_part(folder / "input/documents.parquet", "docstrings"), folder / "ours")


def _over_processes(folder: Path) -> None:
    """Time the tasks of eight parts of 40 MB in this process, and in one a core."""
    from functools import partial

    import pandas as pd

    from alignment_pretraining.execution.config import Execution
    from alignment_pretraining.execution.tasks import run_tasks
    from alignment_pretraining.mixing.corpus.parts import table_part
    from alignment_pretraining.mixing.tokens.encode import encode_part

    _prepare(folder)
    documents = pd.read_parquet(folder / "input/documents.parquet").text.tolist()
    parts, size = [], 0.0
    for number in range(9):
        path = folder / f"{number}.parquet"
        choose = random.Random(number)
        texts = ["\n\n".join(choose.choices(documents, k=4)) for _ in range(16_000)]
        size += sum(map(len, texts)) / 1e6 if number else 0
        pd.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts}).to_parquet(path)
        parts.append(table_part(path, "docstrings"))
    work = partial(encode_part, folder / "tokenizer")
    speeds = {}
    for launcher in ("in_process", "local"):
        execution = Execution.model_validate({"launcher": launcher})
        warm = [(f"warm{number}", parts[0]) for number in range(4)]
        run_tasks(f"warm {launcher}", work, warm, folder, execution)
        started = time.perf_counter()
        run_tasks(launcher, work, [(f"key{number}", part) for number, part in enumerate(parts[1:])], folder, execution)
        seconds = time.perf_counter() - started
        processes = os.cpu_count() if launcher == "local" else 1
        print(
            f"{processes} process(es)             {size / seconds:7.1f} MB/s ({size:.0f} MB in {seconds:.1f} s)",
            flush=True,
        )
        speeds[processes] = size / seconds
    (folder / "scaling.json").write_text(json.dumps(speeds))


def _datatrove(folder: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.tokens import DocumentTokenizer

    LocalPipelineExecutor(
        pipeline=[
            ParquetReader(str(folder / "input")),
            DocumentTokenizer(
                str(folder / "theirs"),
                tokenizer_name_or_path=str(folder / "tokenizer" / "tokenizer.json"),
                eos_token="<|endoftext|>",
                shuffle_documents=False,
                save_final_metadata=False,
            ),
        ],
        tasks=1,
        logging_dir=str(folder / "logs"),
    ).run()


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name, folder]:
            {work.__name__: work for work in (_prepare, _ours, _datatrove, _over_processes)}[name](Path(folder))
        case _:
            main()
