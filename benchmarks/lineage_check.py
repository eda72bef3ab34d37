"""How long the lineage check of a big finished study takes, the first time and with the hashes that it has kept.

    python benchmarks/lineage_check.py [GB, 100 without it]

The study is made of sparse files, which take no space: its files are read and hashed like any others. Where the file
system has no sparse files, nothing is measured. The second check is timed in a process of its own. Beside seconds by the
clock there are those of the processor, which other work on the machine changes less.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DataCatalog
from kedro.pipeline import Pipeline, node
from kedro_datasets.json import JSONDataset
from results import write_result

from alignment_pretraining.core.digests import use_cache
from alignment_pretraining.datasets import FolderDataset
from alignment_pretraining.lineage.drift import check
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.records import Record, node_params, record_path, write_record

CHECKPOINTS, FILES = 20, 5


def main(gigabytes: int) -> None:
    """Print the times, and keep them in `benchmarks/results/lineage_check.json`."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        size = gigabytes * 10**9 // (CHECKPOINTS * FILES)
        if not _make_files(root, size):
            print(f"{root} has no sparse files: nothing measured")
            return
        first = _timed(partial(_finish, root))
        second = _timed(partial(subprocess.run, [sys.executable, __file__, "--check", name], check=True))
        imports = _timed(partial(subprocess.run, [sys.executable, __file__, "--start"], check=True))
    found = {"first": first, "again": second, "imports, of those": imports}
    print(f"{CHECKPOINTS * FILES} files, {gigabytes} GB")
    for what, seconds in found.items():
        print(f"{what}: {seconds['clock']:.1f} s, of the processor {seconds['processor']:.1f} s")
    write_result(
        "lineage_check", {"files": CHECKPOINTS * FILES, "gigabytes": gigabytes, "seconds": found}, ["kedro", "dvc"]
    )


def _timed(work: Callable[[], object]) -> dict[str, float]:
    """Seconds by the clock, and of the processor in this process and those that it starts and waits for."""
    begun, used = time.perf_counter(), sum(os.times()[:4])
    work()
    return {"clock": round(time.perf_counter() - begun, 2), "processor": round(sum(os.times()[:4]) - used, 2)}


def _make_files(root: Path, size: int) -> bool:
    for number in range(CHECKPOINTS):
        folder = root / "data/06_models" / f"arm{number}"
        folder.mkdir(parents=True)
        for part in range(FILES):
            with (folder / f"{part:05d}.safetensors").open("wb") as stream:
                stream.write(f"{number} {part}".encode())
                stream.truncate(size)
    return all(file.stat().st_blocks * 512 < max(size // 100, 1 << 16) for file in root.rglob("*.safetensors"))


def _graph(root: Path) -> Graph:
    datasets: dict[str, AbstractDataset[Any, Any]] = {}
    nodes = []
    for number in range(CHECKPOINTS):
        arm = f"arm{number}"
        datasets[f"{arm}.checkpoint"] = FolderDataset(str(root / "data/06_models" / arm))
        datasets[f"{arm}.scores"] = JSONDataset(filepath=str(root / "data/07_model_output" / f"{arm}.json"))
        nodes.append(node(_train, "params:steps", f"{arm}.checkpoint", name=f"train_{arm}", namespace=arm))
        nodes.append(node(_score, f"{arm}.checkpoint", f"{arm}.scores", name=f"score_{arm}", namespace=arm))
    return Graph(root, {"study": Pipeline(nodes)}, DataCatalog(datasets), {"steps": 1})


# Records are checked, and nothing runs: a node that does is a fault of the benchmark.
def _train(steps: int) -> Path:
    raise NotImplementedError


def _score(checkpoint: Path) -> dict[str, float]:
    raise NotImplementedError


def _finish(root: Path) -> None:
    """Hash every output, as the run of its node does, and write the nodes' records."""
    use_cache(root / ".cache")
    graph = _graph(root)
    for name in graph.makers:
        if name.endswith(".scores"):
            graph.catalog.save(name, {"rate": 0.5})
    for each in graph.nodes.values():
        record = Record(
            node=each.name,
            inputs={name: graph.digest(name) for name in graph.inputs(each)},
            outputs={name: graph.digest(name) for name in each.outputs},
            params=node_params(graph, each),
            code={},
            libraries={},
            env="base",
            commit=None,
            dirty=False,
            mlflow_run=None,
            seconds=0.0,
            when="",
        )
        write_record(record_path(graph, each), record)


def _check(root: Path) -> None:
    use_cache(root / ".cache")
    graph = _graph(root)
    check(graph, list(graph.makers))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--check", folder]:
            _check(Path(folder))
        case ["--start"]:
            pass
        case [gigabytes]:
            main(int(gigabytes))
        case _:
            main(100)
