"""One YAML file of a world, read into a model; errors name the file and the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from alignment_pretraining.core.errors import UserError

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


def read_file(path: Path, model: type[M]) -> M:
    """Read one YAML file as `model`.

    Raises:
        UserError: the file is missing, not UTF-8, not YAML, has a key twice, or does not fit; wrong keys are named.
    """
    try:
        content = yaml.load(path.read_bytes().decode("utf-8"), _Loader)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; restore it (git checkout)") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{place}: {getattr(error, 'problem', None) or error}") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_explain(problem) for problem in error.errors()]
        raise UserError(f"{path}: {len(lines)} to correct:\n  " + "\n  ".join(lines)) from error


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]") or "the whole file"
    if problem["type"] == "missing":
        return f"{key}: missing; add it"
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its name"
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}"
