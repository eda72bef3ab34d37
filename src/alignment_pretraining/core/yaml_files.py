"""YAML files that a user wrote, read with errors that name file, line and the way out."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from alignment_pretraining.core.errors import UserError

# Far above what a person writes: a file whose aliases say more would fill memory.
_MOST_VALUES = 1_000_000
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which PyYAML silently takes the last; every error has its place."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._looked_at: dict[int, yaml.MappingNode] = {}

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, AttributeError) as error:  # a day or number that there is not: 2026-02-30, 0x_
            said = "not a value of its type" if isinstance(error, AttributeError) else str(error)
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from error

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # What merge keys (<<) bring may stand here too, and a mapping is flattened once for each that it goes into.
        if id(node) not in self._looked_at:
            self._looked_at[id(node)] = node
            self._refuse_keys(node)
        super().flatten_mapping(node)

    def _refuse_keys(self, node: yaml.MappingNode) -> None:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = "<<" if key_node.tag == _MERGE else self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                problem = "a list or mapping is no key; quote what begins with [ or {"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        UserError: the file is missing, not UTF-8, not YAML, has a key twice, a tag, more values than a person writes,
            or is nested too deep.
    """
    try:
        loader = _Loader(path.read_bytes().decode("utf-8"))
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _values(node, {}) > _MOST_VALUES:
                raise UserError(f"{path}: its aliases repeat more than {_MOST_VALUES:,} values; write it without them")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; restore it (git checkout)") from error
    except IsADirectoryError as error:
        raise UserError(f"{path}: a folder where a file is expected") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except RecursionError as error:
        raise UserError(f"{path}: lists or mappings are nested too deep, or hold themselves") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        if isinstance(error, yaml.constructor.ConstructorError):
            raise UserError(f"{path}{place}: {problem}") from error
        raise UserError(f"{path}{place}: not valid YAML ({problem}); quote texts that hold ': ' or '#'") from error


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node holds once its aliases are written out, without writing them out."""
    if id(node) not in known:
        parts: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            parts = node.value
        elif isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(node)]
