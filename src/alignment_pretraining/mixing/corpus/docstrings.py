"""English prose from the docstrings of installed packages, read without importing them."""

import ast
import csv
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.corpus.config import Packages
from alignment_pretraining.mixing.corpus.document import Document
from alignment_pretraining.mixing.corpus.prose import paragraphs

# Shorter docstrings are one-line summaries of little use as a document.
_MIN_CHARACTERS = 200
_NOT_SHIPPED_PROSE = {"tests", "test", "testing", "conftest.py", "_vendor", "vendored", "externals"}


def read_docstrings(spec: Packages) -> Iterator[Document]:
    """One document for each documented module, class or function, in the order of packages, files and lines.

    A paragraph that was met before is left out, because packages repeat the description of common parameters.

    Raises:
        UserError: a package is not installed, or in another version than configured; or a file of it is gone.
    """
    seen: set[str] = set()
    for name, version in spec.packages.items():
        installed = installed_package(name, version)
        source = f"{name}=={installed.version}"
        for path in _sources(installed):
            names: dict[str, int] = {}
            for qualified, docstring in _docstrings(Path(str(installed.locate_file(path)))):
                new = [text for text in dict.fromkeys(paragraphs(docstring)) if text not in seen]
                seen.update(new)
                text = "\n\n".join(new)
                if len(text) >= _MIN_CHARACTERS:
                    # Overloads and property setters share a name.
                    names[qualified] = names.get(qualified, 0) + 1
                    suffix = f"#{names[qualified]}" if names[qualified] > 1 else ""
                    yield Document(f"{path}:{qualified}{suffix}", text, source)


def installed_package(name: str, version: str | None) -> Distribution:
    """An installed package.

    Raises:
        UserError: it is not installed, or in another version than configured.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise UserError(
            f"the base corpus reads the docstrings of '{name}', which is not installed: install it, "
            "or take it out of corpus.sources in conf/base/parameters_mixing.yml"
        ) from error
    if version is not None and found.version != version:
        raise UserError(
            f"the base corpus reads the docstrings of {name}=={version}, but {found.version} is installed: "
            f"install {name}=={version}, or change corpus.sources in conf/base/parameters_mixing.yml"
        )
    return found


def _sources(package: Distribution) -> list[str]:
    """Paths of the package's Python files, sorted; tests and vendored code left out."""
    # Not `package.files` alone, which leaves out what is gone where the backport of importlib.metadata was imported.
    record = package.read_text("RECORD")
    names = (row[0] for row in csv.reader(record.splitlines())) if record else map(str, package.files or [])
    files = map(Path, names)
    return sorted(
        file.as_posix() for file in files if file.suffix == ".py" and not _NOT_SHIPPED_PROSE.intersection(file.parts)
    )


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Qualified name ("" for the module) and docstring of everything documented in a file, in order of lines."""
    try:
        module = ast.parse(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{path} is gone, which its package was installed with: install the package again") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # a template, a file for another Python or generated tables: no documentation to be had
    yield from _walk(module, "")


def _walk(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        docstring = ast.get_docstring(node, clean=False)
        if docstring:
            yield name, docstring
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(child, f"{name}.{child.name}".lstrip("."))
        elif isinstance(child, ast.If | ast.Try | ast.With):
            yield from _walk(child, name)
