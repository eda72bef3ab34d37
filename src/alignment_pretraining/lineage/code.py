"""The code of a node: which rooms of the project its function can reach.

A room is a subpackage or top-level module of the project's package; each pipeline is a room of its own
(`pipelines/mixing`). A room is reached when the node's module imports it, directly or through others,
at the top of a module or inside a function.
"""

import ast
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# These carry data and wiring but cannot change what a node computes.
NOT_ROOMS = {"__init__", "__main__", "cli", "credentials", "datasets", "lineage", "pipeline_registry", "settings"}


def rooms(function: Callable[..., Any], root: Path) -> list[str]:
    """Paths of the rooms that `function` can reach, sorted, relative to `root`.

    Functions from outside the project have no rooms; the versions of libraries identify them.
    """
    found = {room for module in _reached(_module_of(function), root) if (room := _room_path(module, root))}
    return sorted(found)


def libraries(function: Callable[..., Any], root: Path) -> set[str]:
    """Top-level names of the packages outside the project that `function`'s rooms import."""
    module = _module_of(function)
    package = module.split(".")[0]
    reached = _reached(module, root)
    if not reached:
        return {package} - {"builtins"}
    names = {name.split(".")[0] for found in reached for name in _imports(found, root)}
    return names - {package} - set(sys.stdlib_module_names)


def bound_arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """Arguments fixed by `functools.partial`, by name (positional ones by their number)."""
    if not isinstance(function, functools.partial):
        return {}
    return {
        **bound_arguments(function.func),
        **{f"argument {number}": value for number, value in enumerate(function.args)},
        **function.keywords,
    }


def _module_of(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__module__", None) or type(function).__module__


@functools.cache
def _reached(module: str, root: Path) -> frozenset[str]:
    """Modules of the project that importing and calling into `module` can load; none outside the project."""
    package = module.split(".")[0]
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or not _is_studied(name) or not _source(name, root):
            continue
        seen.add(name)
        waiting.extend(found for found in _imports(name, root) if found.split(".")[0] == package)
    return frozenset(seen)


def _is_studied(module: str) -> bool:
    return not set(module.split(".")[1:2]) & NOT_ROOMS


@functools.cache
def _imports(module: str, root: Path) -> frozenset[str]:
    """Absolute names that a module imports; each name of `from x import y` counts as a possible module x.y."""
    source = _source(module, root)
    assert source is not None
    package = module if source.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(source.read_bytes(), str(source))
    return frozenset(_with_parents(_imported_names(tree, package)))


def _imported_names(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(names: Iterator[str]) -> Iterator[str]:
    """Importing a.b.c runs a/__init__ and a/b/__init__ too."""
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[: end + 1]) for end in range(len(parts)))


@functools.cache
def _source(module: str, root: Path) -> Path | None:
    """File of a module that lies under `root/src`, else None."""
    path = root / "src" / Path(*module.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def _room_path(module: str, root: Path) -> str | None:
    parts = module.split(".")[1:]
    if not parts or parts == ["pipelines"]:
        return None
    depth = 2 if parts[0] == "pipelines" else 1
    path = Path("src", module.split(".")[0], *parts[:depth])
    return (path if (root / path).is_dir() else path.with_suffix(".py")).as_posix()
