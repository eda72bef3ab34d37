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


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which PyYAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_model(path: Path, model: type[M], name_of: Callable[[Any, tuple[Any, ...]], str] | None = None) -> M:
    """Read one YAML file as `model`. `name_of(content, loc)` may put a readable name before a wrong field.

    Raises:
        UserError: the file is missing, not UTF-8, not YAML, has a key twice, or does not fit; wrong fields are named.
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
        return yaml.load(path.read_bytes().decode("utf-8"), _Loader)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; restore it (git checkout)") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        if isinstance(error, yaml.constructor.ConstructorError):
            raise UserError(f"{path}{place}: {problem}") from error
        raise UserError(f"{path}{place}: not valid YAML ({problem}); quote texts that hold ': ' or '#'") from error
