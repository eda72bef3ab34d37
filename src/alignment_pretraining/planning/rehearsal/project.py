"""A project in a folder of its own, in which a shrunk environment is run with everything that it reaches for."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from alignment_pretraining.core.environments import NO_PARAMETERS
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.rehearsal.shrink import ENTRIES, LONGEST
from alignment_pretraining.planning.stand_ins import slurm
from alignment_pretraining.planning.stand_ins.api import KEY, running
from alignment_pretraining.planning.stand_ins.benchmarks import write_benchmarks
from alignment_pretraining.planning.stand_ins.hub import write_datasets, write_tokenizer

_RAW = Path("data/01_raw")
_COPIED = ("pyproject.toml", ".telemetry")
_HUB = Path(".cache/huggingface")
_HUB_ROWS = 400
_BENCHMARK_ROWS = 30  # more than any has shots


def lay_out(root: Path, env: str, small: Mapping[str, Any], parameters: Parameters, folder: Path) -> list[str]:
    """Make the project at `root` anew in the empty `folder`, its environment `env` with the parameters `small`.

    Code and raw texts are those of `root`. Returns the names on the hub for which something stands in.
    """
    for name in _COPIED:
        shutil.copy(root / name, folder / name)
    shutil.copytree(root / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (folder / _RAW).mkdir(parents=True)
    for path in sorted((root / _RAW).iterdir()):
        (folder / _RAW / path.name).symlink_to(path)
    for name in dict.fromkeys(("base", env)):
        shutil.copytree(root / "conf" / name, folder / "conf" / name)
    shutil.copy(root / "conf/logging.yml", folder / "conf/logging.yml")
    (folder / "conf/local").mkdir()
    own = folder / "conf" / env
    for path in own.glob("*.yml"):
        if not path.name.startswith(NO_PARAMETERS):
            path.unlink()
    (own / "parameters.yml").write_text(yaml.safe_dump(dict(small), sort_keys=False, allow_unicode=True))
    names = write_datasets(parameters, root / _RAW, folder, _HUB_ROWS)
    cache = folder / _HUB / "hub"
    names += write_benchmarks(Parameters.model_validate(small).capability, root / _RAW, cache, _BENCHMARK_ROWS)
    if tokenizer := parameters.tokenizer.name:
        write_tokenizer(tokenizer, ENTRIES, LONGEST, root / _RAW, folder)
        names.append(tokenizer)
    return names


@contextmanager
def variables(folder: Path, parameters: Parameters) -> Iterator[dict[str, str]]:
    """The environment of the project's commands: Slurm's commands and the API are stand-ins, and there is no GPU."""
    commands = slurm.install(folder / "slurm")
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KEDRO_", "MLFLOW_", "SLURM_"))}
    found = kept | {
        "PATH": path,
        "PYTHONPATH": str(folder / "src"),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / _HUB),
    }
    if parameters.synthesis.generator != "anthropic":
        yield found
        return
    with running() as url:
        yield found | {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url}
