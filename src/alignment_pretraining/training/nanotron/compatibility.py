"""Makes `nanotron==0.4` import and run with today's torch. Call `prepare()` before anything imports nanotron.

- Its import has a cycle: `nanotron.logging` needs `LoggingArgs` of `nanotron.config.config`, which needs
  `nanotron.logging`. Importing the first once, with a stand-in for the second, breaks it.
- It needs flash-attn: where that is installed it is used, elsewhere torch stands in (`flash`).
- It writes the shape of a sharded weight as `str` shows it, which with numpy 2 it cannot read back.
- It needs CUDA: without it, a rehearsal runs on CPUs over gloo (`cpu`).
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from alignment_pretraining.errors import UserError
from alignment_pretraining.training.nanotron import flash

VERSION = "0.4"


def prepare() -> None:
    """Make nanotron importable in this process; a second call changes nothing.

    Raises:
        UserError: nanotron is not installed, or in another version.
    """
    _check_version()
    if not flash.installed():
        flash.stand_in()
    if "nanotron.config" not in sys.modules:
        _break_cycle()
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


def _write_readable_shapes() -> None:
    from nanotron.serialize.metadata import TensorMetadata

    written = TensorMetadata.to_str_dict

    def to_str_dict(self: Any) -> dict[str, str]:
        return {**written(self), "unsharded_shape": str(tuple(int(size) for size in self.unsharded_shape))}

    TensorMetadata.to_str_dict = to_str_dict
