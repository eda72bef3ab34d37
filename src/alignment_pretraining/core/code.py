"""Code identity: the code that a function can reach, by module, each by a hash of its syntax.

From the function on, every global name that the code uses is followed to what binds it, in its own module or in the
one that it is imported from, at the top or inside a function; and so on from there. Of a module only what is reached
counts. Docstrings, comments and formatting never do. With it count

- statements that act on import (not: definitions), in every module that the code imports, directly or through others;
- a module that is named in a text, as in `python -m package.module`, as a whole;
- a module that is used as a value, as a whole;
- all data files beside a module whose reached code uses `__file__`, byte by byte.

Not followed: what a base class does when it is subclassed, and names that are put together at run time.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from alignment_pretraining.core.digests import CachedTree
from alignment_pretraining.core.hashing import file_md5
from alignment_pretraining.core.syntax import Import, Module, Reference

# The folder in which this project's package lies.
SOURCE = Path(__file__).parents[2]

# Where a distribution is not named as its package.
_DISTRIBUTIONS = {"lm_eval": "lm-eval", "sklearn": "scikit-learn", "yaml": "PyYAML"}
# They name results by content and code, or tell how far work is, and cannot change one.
_IDENTITY = {f"alignment_pretraining.core.{name}" for name in ("code", "digests", "progress", "syntax")}
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class Code:
    """`modules` has the hash of the reached code by path relative to the source folder, for data files their MD5.

    `libraries` are the top-level names of the packages outside the project that the code uses.
    """

    modules: dict[str, str]
    libraries: frozenset[str]

    def as_text(self) -> str:
        """It, as JSON."""
        return json.dumps({"modules": self.modules, "libraries": sorted(self.libraries)})

    @classmethod
    def from_text(cls, text: str) -> "Code":
        """Read what `as_text` wrote."""
        told = json.loads(text)
        return cls(told["modules"], frozenset(told["libraries"]))


def work_code(function: Callable[..., Any]) -> dict[str, dict[str, str]]:
    """What unfinished work of `function` is bound to: its `code`, by module, and the versions of the `libraries` used.

    A function from outside this project has no code; its library's version stands for it.
    """
    found = _project().code(function)
    return {"code": found.modules, "libraries": library_versions(found.libraries)}


def library_versions(names: frozenset[str]) -> dict[str, str]:
    """Version of each importable package that is installed as a distribution."""
    versions = {name: _version(distribution(name)) for name in sorted(names)}
    return {name: found for name, found in versions.items() if found is not None}


@cache
def _version(name: str) -> str | None:
    """Version of a distribution, if it is installed. The file that has it holds a README, too."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def distribution(package: str) -> str:
    """Name of the distribution that installs an importable package."""
    return _DISTRIBUTIONS.get(package, package)


def global_name(function: Callable[..., Any]) -> tuple[str, str]:
    """A function's module, and the global there that it is or belongs to."""
    found = _bound_function(function)
    return found.__module__, found.__qualname__.split(".")[0]


def _bound_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a partial binds; for a callable object, its class."""
    while isinstance(function, partial):
        function = function.func
    return function if hasattr(function, "__qualname__") else type(function)


@cache
def _project() -> "SourceTree":
    # Read once a process: a file that is edited later does not change what runs.
    return SourceTree(SOURCE)


@cache
def _method() -> str:
    """What a cached identity depends on beside the source folder: how it is found, and Python's own syntax."""
    here = Path(__file__)
    return " ".join(["code", *map(str, sys.version_info[:2]), *map(file_md5, (here, here.with_name("syntax.py")))])


class SourceTree:
    """The modules below a source folder. Each is read once, so make a new tree when files may have changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._modules: dict[str, Module | None] = {}
        self._found: dict[tuple[str, str], Code] = {}
        self._cached = CachedTree(root)

    def code(self, function: Callable[..., Any]) -> Code:
        """The code of a function, or of what `functools.partial` binds."""
        return self.code_of(*global_name(function))

    def code_of(self, module: str, name: str) -> Code:
        """The code of the global `name` in `module`.

        Raises:
            SyntaxError: a module that is reached is no Python.
        """
        if (module, name) not in self._found:
            text = self._cached.text(f"{_method()} {module}.{name}", lambda: _Search(self).run(module, name).as_text())
            self._found[module, name] = Code.from_text(text)
        return self._found[module, name]

    def module(self, name: str) -> Module | None:
        """The module of this name, or None when it is not in the source folder."""
        if name not in self._modules:
            path = self.root / Path(*name.split("."))
            files = (path / "__init__.py", path.with_suffix(".py"))
            found = next((file for file in files if name and file.is_file()), None)
            self._modules[name] = Module(name, found) if found else None
        return self._modules[name]


@dataclass
class _Part:
    """What is reached of a module: numbers of statements, and by name what it imports."""

    module: Module
    statements: set[int] = field(default_factory=set)
    imports: set[tuple[str, str]] = field(default_factory=set)


class _Search:
    """A walk over all that a function can reach."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self.parts: dict[str, _Part] = {}
        self.libraries: set[str] = set()
        self.files: set[Path] = set()
        self.waiting: list[tuple[Module, int]] = []
        self.followed: set[Reference] = set()
        self.wholes: set[str] = set()

    def run(self, module: str, name: str) -> Code:
        self._follow(Reference(Import(module, name)))
        while self.waiting:
            self._read(*self.waiting.pop())
        hashes = {part.module.path: _hash(part) for part in self.parts.values() if part.statements or part.imports}
        hashes |= {file: file_md5(file) for file in self.files}
        return Code(
            {path.relative_to(self.tree.root).as_posix(): hashes[path] for path in sorted(hashes)},
            frozenset(self.libraries - set(sys.stdlib_module_names)),
        )

    def _read(self, module: Module, number: int) -> None:
        found = module.references(number)
        for target in found.imports:
            self._enter_all(target)
        for reference in found.names:
            if isinstance(reference.start, Import):
                self._follow(reference)
            elif reference.start == "__file__":
                self._beside(module)
            else:
                self._global(module, reference.start, reference.attributes)
        for name in {name for text in found.texts for name in _DOTTED.findall(text)}:
            self._whole(name)

    def _global(self, module: Module, name: str, attributes: tuple[str, ...]) -> None:
        """Follow a global name of a module; a builtin leads nowhere."""
        for star in module.stars if name not in module.bindings else ():
            inner = self.tree.module(star)
            if inner and name in inner.bindings:
                self._global(inner, name, attributes)
            elif inner and inner.stars:
                self._whole(star)
        for bound in module.bindings.get(name, ()):
            if isinstance(bound, Import):
                self.parts[module.name].imports.add((name, str(bound)))
                self._follow(Reference(bound, attributes))
            else:
                self._take(module, bound)

    def _follow(self, reference: Reference) -> None:
        """Follow something imported, and what is taken of it while that still is a module."""
        target = reference.start
        assert isinstance(target, Import)
        if reference in self.followed or str(target) in _IDENTITY or target.module in _IDENTITY:
            return
        self.followed.add(reference)
        names = [*([target.name] if target.name else []), *reference.attributes]
        self._enter(target.module)
        module = self.tree.module(target.module)
        if module is None:
            self.libraries.add(target.module.split(".")[0])
            return
        while names and names[0] not in module.bindings and (inner := self.tree.module(f"{module.name}.{names[0]}")):
            module = inner
            self._enter(module.name)
            del names[0]
        if names and names[0] in module.bindings:
            self._global(module, names[0], tuple(names[1:]))
        else:
            self._whole(module.name)

    def _whole(self, name: str) -> None:
        """All of a module: it is used as a value, or something in it is that cannot be found."""
        module = self.tree.module(name)
        if module is None or name in self.wholes or name in _IDENTITY:
            return
        self.wholes.add(name)
        self._enter(name)
        for star in module.stars:
            self._whole(star)
        for bound in module.bindings:
            self._global(module, bound, ())
        for number in module.acting:
            self._take(module, number)

    def _enter_all(self, target: Import) -> None:
        self._enter(target.module)
        if target.name and self.tree.module(f"{target.module}.{target.name}"):
            self._enter(f"{target.module}.{target.name}")
        if self.tree.module(target.module) is None:
            self.libraries.add(target.module.split(".")[0])

    def _enter(self, name: str) -> None:
        """Import a module: its packages first, then what it imports; what acts on import is reached."""
        module = self.tree.module(name)
        if module is None or name in self.parts or name in _IDENTITY:
            return
        self._enter(name.rpartition(".")[0])
        self.parts[name] = _Part(module)
        for star in module.stars:
            self._enter(star)
        for target in module.imports:
            self._enter(target.module)
            if target.name:
                self._enter(f"{target.module}.{target.name}")
        for number in module.effects:
            self._take(module, number)

    def _take(self, module: Module, number: int) -> None:
        part = self.parts[module.name]
        if number not in part.statements:
            part.statements.add(number)
            self.waiting.append((module, number))

    def _beside(self, module: Module) -> None:
        visible = [file for file in module.path.parent.glob("[!.]*") if file.is_file()]
        self.files.update(file for file in visible if file.suffix not in (".py", ".pyc"))


def _hash(part: _Part) -> str:
    imports = sorted(f"{name} = {target}" for name, target in part.imports)
    statements = [part.module.text(number) for number in sorted(part.statements)]
    return hashlib.md5("\n".join([*imports, *statements]).encode(), usedforsecurity=False).hexdigest()
