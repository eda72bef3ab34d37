"""A module's source as what it defines, imports and does, each without docstrings, comments and formatting."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Decorators that only change what they decorate. Any other may register it somewhere, which counts as an effect.
_PLAIN_DECORATORS = {
    "cache",
    "cached_property",
    "contextmanager",
    "dataclass",
    "lru_cache",
    "no_grad",
    "total_ordering",
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_UNTYPED_FIELDS = {"kind", "type_comment"}  # how a literal or a comment is written


@dataclass(frozen=True)
class Import:
    """What an imported name stands for: a module, or something in it."""

    module: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module


@dataclass(frozen=True)
class Reference:
    """A global name, or what a function imports, with the attributes taken of it: `np.random.seed`."""

    start: str | Import
    attributes: tuple[str, ...] = ()


@dataclass
class References:
    """What a statement names, which modules it imports inside functions, and the texts in it."""

    names: set[Reference] = field(default_factory=set)
    imports: set[Import] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)


class Module:
    """The top-level statements of a module, by what they bind.

    `bindings` has, for each global name, the numbers of the statements that bind it and the imports it stands for.
    `effects` are the numbers of the statements that act when the module is imported; `stars` are the modules of
    `from x import *`.

    Raises:
        SyntaxError: the file is no Python.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self.package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        self.statements = ast.parse(path.read_bytes(), str(path)).body
        self.bindings: dict[str, list[int | Import]] = {}
        self.effects: list[int] = []
        self.stars: list[str] = []
        self._references: dict[int, References] = {}
        self._texts: dict[int, str] = {}
        for number, statement in enumerate(self.statements):
            self._sort(number, statement)

    @property
    def imports(self) -> set[Import]:
        """All imports at the top level."""
        return {found for bound in self.bindings.values() for found in bound if isinstance(found, Import)}

    @property
    def acting(self) -> list[int]:
        """The numbers of all statements that run when the module is run as a program, imports apart."""
        return [
            number
            for number, statement in enumerate(self.statements)
            if not (_is_nothing(statement) or _is_for_types(statement))
            and not isinstance(statement, ast.Import | ast.ImportFrom)
        ]

    def references(self, number: int) -> References:
        """What the statement of this number refers to."""
        if number not in self._references:
            reader = _Reader(self.package)
            reader.visit(self.statements[number])
            self._references[number] = reader.found
        return self._references[number]

    def text(self, number: int) -> str:
        """The statement of this number in canonical form."""
        if number not in self._texts:
            self._texts[number] = canonical(self.statements[number])
        return self._texts[number]

    def _sort(self, number: int, statement: ast.stmt) -> None:
        # Importing a module does not run what it does as a program.
        if _is_nothing(statement) or _is_for_types(statement) or _test(statement) == "__name__ == '__main__'":
            return
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            self.stars.append(_origin(statement, self.package))
            return
        for name, found in _bound([statement], self.package).items():
            self.bindings.setdefault(name, []).extend(found or [number])
        if not isinstance(statement, ast.Import | ast.ImportFrom) and not _only_defines(statement):
            self.effects.append(number)


def canonical(node: object) -> str:
    """The syntax tree below `node` as text that no docstring, comment or formatting changes.

    Statements that do nothing (a docstring, `pass`, `...`) are left out.
    """
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__} {node.value!r}"
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if name not in _UNTYPED_FIELDS]
        inner = [f"{name}={canonical(value)}" for name, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({','.join(inner)})"
    if isinstance(node, list):
        return f"[{','.join(canonical(one) for one in node if not _is_nothing(one))}]"
    return repr(node)


class _Reader(ast.NodeVisitor):
    """Collects references. Names that a function binds itself are not global, and stand for its own imports."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.found = References()
        self.scopes: list[dict[str, list[Import]]] = []

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Store):
            self._refer(node.id, ())

    def visit_Attribute(self, node: ast.Attribute) -> None:
        attributes: list[str] = []
        value: ast.expr = node
        while isinstance(value, ast.Attribute):
            attributes.insert(0, value.attr)
            value = value.value
        if isinstance(value, ast.Name):
            self._refer(value.id, tuple(attributes))
        else:
            self.visit(value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._refer(node.target.id, ())
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.found.texts.add(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not _is_nothing(node):
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found.imports.update(Import(alias.name) for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.found.imports.update(Import(_origin(node, self.package), alias.name) for alias in node.names)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> None:
        self._annotation(node.annotation)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, _FUNCTIONS):
            self._function(node)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node)
        else:
            super().generic_visit(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        self.visit(arguments)  # defaults and annotations
        if not isinstance(node, ast.Lambda):
            self._annotation(node.returns)
            self._all([*node.decorator_list, node.returns, *getattr(node, "type_params", [])])
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        body = node.body if isinstance(node.body, list) else [node.body]
        self._within({each.arg: [] for each in named if each} | _bound(body, self.package), body)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first, *others = node.generators
        self.visit(first.iter)  # evaluated outside
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._within(_bound([each.target for each in node.generators], self.package), [*parts, *first.ifs, *others])

    def _within(self, scope: dict[str, list[Import]], nodes: Iterable[ast.AST | None]) -> None:
        self.scopes.append(scope)
        self._all(nodes)
        self.scopes.pop()

    def _all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _annotation(self, node: ast.expr | None) -> None:
        """A type may be written as a text."""
        for part in ast.walk(node) if node else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                try:
                    self.visit(ast.parse(part.value, mode="eval"))
                except SyntaxError:
                    continue  # a value of Literal

    def _refer(self, name: str, attributes: tuple[str, ...]) -> None:
        scope = next((scope for scope in reversed(self.scopes) if name in scope), None)
        starts: Iterable[str | Import] = [name] if scope is None else scope[name]
        self.found.names.update(Reference(start, attributes) for start in starts)


def _bound(nodes: Iterable[ast.AST], package: str) -> dict[str, list[Import]]:
    """Names that these nodes bind in the scope in which they stand, with the imports that each stands for."""
    bound: dict[str, list[Import]] = {}
    elsewhere: set[str] = set()
    for node in _same_scope(nodes):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                bound.setdefault(name, [])
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.setdefault(name, [])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.setdefault(name, [])
            case ast.MatchMapping(rest=str(name)):
                bound.setdefault(name, [])
            case ast.Import(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.split(".")[0]
                    bound.setdefault(name, []).append(Import(alias.name if alias.asname else name))
                    if not alias.asname and "." in alias.name:
                        bound.setdefault(alias.name, []).append(Import(alias.name))
            case ast.ImportFrom(names=aliases):
                origin = _origin(node, package)
                for alias in aliases:
                    bound.setdefault(alias.asname or alias.name, []).append(Import(origin, alias.name))
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                elsewhere.update(names)
    return {name: found for name, found in bound.items() if name not in elsewhere}


def _same_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them, without the insides of functions, classes and comprehensions."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def _origin(node: ast.ImportFrom, package: str) -> str:
    """The module of `from … import`, absolute."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    kept = parents[: len(parents) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _only_defines(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but bind names."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return all(_last_name(decorator) in _PLAIN_DECORATORS for decorator in statement.decorator_list)
    if isinstance(statement, ast.Assign):
        parts = [part for target in statement.targets for part in ast.walk(target)]
        return not any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts)
    if isinstance(statement, ast.AnnAssign | ast.AugAssign):
        return isinstance(statement.target, ast.Name)
    return False


def _last_name(decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        return _last_name(decorator.func)
    return decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")


def _is_nothing(node: object) -> bool:
    """A docstring or another text that stands alone, `...`, or `pass`."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_for_types(statement: ast.stmt) -> bool:
    return _test(statement) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _test(statement: ast.stmt) -> str:
    return ast.unparse(statement.test) if isinstance(statement, ast.If) else ""
