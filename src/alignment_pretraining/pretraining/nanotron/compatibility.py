"""Makes `nanotron==0.4` import and run with today's torch. Call `prepare()` before anything imports nanotron.

- Its import has a cycle: `nanotron.logging` needs `LoggingArgs` of `nanotron.config.config`, which needs
  `nanotron.logging`. Importing the first once, with a stand-in for the second, breaks it.
- It needs flash-attn: where that is installed it is used, elsewhere torch stands in (`flash`).
- It writes the shape of a sharded weight as `str` shows it, which with numpy 2 it cannot read back.
- Its own data loader, which is not used here, imports `datasets` and `transformers`: two seconds in every rank.
- It needs CUDA: without it, a rehearsal runs on CPUs over gloo (`cpu`).
"""

import importlib
import sys
import warnings
from contextlib import nullcontext
from types import ModuleType
from typing import Any

from alignment_pretraining.core.errors import UserError

VERSION = "0.4"


def prepare() -> None:
    """Make nanotron importable in this process; a second call changes nothing.

    Raises:
        UserError: nanotron is not installed, or in another version.
    """
    if "nanotron.trainer" in sys.modules:
        return
    _check_version()
    from alignment_pretraining.pretraining.nanotron import flash

    with nullcontext() if flash.installed() else flash.standing_in():
        _break_cycle()
        _skip_its_data_loader()
        importlib.import_module("nanotron.trainer")
    _write_readable_shapes()


def _check_version() -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("nanotron")
    except PackageNotFoundError:
        found = "none"
    if found != VERSION:
        raise UserError(f"the cluster engine needs nanotron {VERSION}, found {found}: pip install nanotron=={VERSION}")


def _break_cycle() -> None:
    names = ("nanotron.config", "nanotron.config.config")
    for name in names:
        sys.modules[name] = ModuleType(name)
    sys.modules["nanotron.config.config"].LoggingArgs = object  # type: ignore[attr-defined]
    importlib.import_module("nanotron.logging")
    for name in names:
        del sys.modules[name]
    importlib.import_module("nanotron.config")


def _skip_its_data_loader() -> None:
    """Import the module as it does where `datasets` is not installed, unless that is loaded already."""
    if "datasets" in sys.modules:
        return
    sys.modules["datasets"] = None  # type: ignore[assignment]
    with warnings.catch_warnings(action="ignore"):
        importlib.import_module("nanotron.dataloader")
    del sys.modules["datasets"]


def _write_readable_shapes() -> None:
    from nanotron.serialize.metadata import TensorMetadata

    written = TensorMetadata.to_str_dict

    def to_str_dict(self: Any) -> dict[str, str]:
        return {**written(self), "unsharded_shape": str(tuple(int(size) for size in self.unsharded_shape))}

    TensorMetadata.to_str_dict = to_str_dict
