"""YAML files that a user wrote, read into pydantic models with errors that name file and field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import explain_problem, to_correct
from alignment_pretraining.core.yaml_files import read_yaml

M = TypeVar("M", bound=BaseModel)


def read_model(path: Path, model: type[M], name_of: Callable[[Any, tuple[Any, ...]], str] | None = None) -> M:
    """Read one YAML file as `model`. `name_of(content, loc)` may put a readable name before a wrong field.

    Raises:
        UserError: the file is missing, not UTF-8, not YAML, has a key twice, or does not fit; wrong fields are named.
    """
    content = read_yaml(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [
            (name_of(content, problem["loc"]) if name_of else "") + explain_problem(problem, model)
            for problem in error.errors()
        ]
        raise UserError(to_correct(str(path), lines)) from error


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
