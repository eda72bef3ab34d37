"""YAML files that a user wrote, read into pydantic models with errors that name file and field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import explain_problem

M = TypeVar("M", bound=BaseModel)


def read_model(path: Path, model: type[M], name_of: Callable[[Any, tuple[Any, ...]], str] | None = None) -> M:
    """Read one YAML file as `model`. `name_of(content, loc)` may put a readable name before a wrong field.

    Raises:
        UserError: the file is missing, not UTF-8, not YAML, or does not fit; each wrong field is named.
    """
    content = _read_yaml(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [
            (name_of(content, problem["loc"]) if name_of else "") + explain_problem(problem, model)
            for problem in error.errors()
        ]
        raise UserError(f"{path}: {len(lines)} to correct:\n  " + "\n  ".join(lines)) from error


def list_yaml(folder: Path) -> list[Path]:
    """The `.yml` files of a folder, by name.

    Raises:
        UserError: there is no such folder, or no such file in it.
    """
    files = sorted(folder.glob("*.yml")) if folder.is_dir() else []
    if not files:
        raise UserError(
            f"{folder}: no .yml file here; restore the folder (git checkout) or name another in the catalog"
        )
    return files


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_bytes().decode("utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; restore it (git checkout)") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise UserError(f"{path}{place}: not valid YAML ({problem}); quote texts that hold ': ' or '#'") from error
