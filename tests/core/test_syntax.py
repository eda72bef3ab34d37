"""What a hash of code sees: never how it is written or described, always what it says."""

import ast
import io
import tokenize
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.code import SOURCE
from alignment_pretraining.core.syntax import Import, Module, Reference, canonical

FILES = [path for path in sorted((SOURCE / "alignment_pretraining").rglob("*.py")) if path.stat().st_size]
files = st.sampled_from(FILES)


def _form(text: str) -> str:
    return canonical(ast.parse(text).body)


def _lines_to_comment(text: str) -> list[int]:
    """Numbers of the lines that end outside of a string."""
    inside = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type != tokenize.COMMENT
        for line in range(token.start[0], token.end[0])
    }
    return [number for number, line in enumerate(text.splitlines(), 1) if number not in inside and "#" not in line]


@given(files)
@settings(max_examples=60)
def test_formatting_does_not_show(path: Path) -> None:
    text = path.read_text()
    assert _form(ast.unparse(ast.parse(text))) == _form(text)


@given(files, st.data())
@settings(max_examples=60)
def test_comments_and_empty_lines_do_not_show(path: Path, data: st.DataObject) -> None:
    text = path.read_text()
    lines = text.splitlines()
    for number in data.draw(st.lists(st.sampled_from(_lines_to_comment(text)), max_size=5)):
        lines[number - 1] += "  # " + data.draw(st.text("ab #'\"", max_size=8)) + "\n"
    assert _form("\n".join(lines)) == _form(text)


@given(files, st.text(max_size=30), st.data())
@settings(max_examples=60)
def test_docstrings_do_not_show(path: Path, docstring: str, data: st.DataObject) -> None:
    tree = ast.parse(path.read_text())
    before = canonical(tree.body)
    described = (ast.Module, ast.FunctionDef, ast.ClassDef)
    node = data.draw(st.sampled_from([node for node in ast.walk(tree) if isinstance(node, described)]))
    if ast.get_docstring(node) is not None:
        node.body.pop(0)
    node.body.insert(0, ast.Expr(ast.Constant(docstring)))
    assert canonical(tree.body) == before


def _changed(node: ast.AST) -> bool:
    """Change what a node says, if it is of a kind that is changed here."""
    match node:
        case ast.Constant(value=bool() as value):
            node.value = not value
        case ast.Constant(value=int() | float() as value):
            node.value = value + 1
        case ast.Constant(value=str() as value):
            node.value = value + "x"
        case ast.BinOp(op=op):
            node.op = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
        case ast.Compare(ops=[op, *others]):
            node.ops = [ast.Lt() if isinstance(op, ast.Gt) else ast.Gt(), *others]
        case ast.BoolOp(op=op):
            node.op = ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.Name(id=name):
            node.id = f"{name}_"
        case ast.Attribute(attr=name):
            node.attr = f"{name}_"
        case ast.arguments(defaults=[_, *others]):
            node.defaults = [ast.Constant("another"), *others]
        case _:
            return False
    return True


@given(files, st.data())
@settings(max_examples=200)
def test_what_code_says_shows(path: Path, data: st.DataObject) -> None:
    tree = ast.parse(path.read_text())
    before = canonical(tree.body)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    nodes = [node for node in ast.walk(tree) if id(node) not in alone or not isinstance(node, ast.Constant)]
    if any(_changed(node) for node in data.draw(st.permutations(nodes))):
        assert canonical(tree.body) != before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = True", "x = 1"),
        ("x = 'a'", "x = b'a'"),
        ("x = None", "x = ''"),
        ("def f(a=1): pass", "def f(a=2): pass"),
        ("def f(a, b): pass", "def f(a, *, b): pass"),
        ("if a: b()", "if a: pass\nelse: b()"),
        ("async def f(): pass", "def f(): pass"),
        ("f(a, b)", "f(b, a)"),
        ("x: int = 1", "x = 1"),
        ("a and b or c", "a and (b or c)"),
    ],
)
def test_small_differences_show(one: str, other: str) -> None:
    assert _form(one) != _form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 'a' 'b'", 'x = "ab"'),
        ("x = 1_000", "x = 1000"),
        ("x = (a)", "x = a"),
        ("f(a,\n  b,)", "f(a, b)"),
        ("def f(): pass", "def f():\n    '''Text.'''"),
        ("def f(): ...", "def f(): pass"),
        ("x = u'a'", "x = 'a'"),
        ("import a\n\n\n# b", "import a"),
    ],
)
def test_other_ways_to_write_it_do_not_show(one: str, other: str) -> None:
    assert _form(one) == _form(other)


def _module(tmp_path: Path, text: str, name: str = "pack.mod") -> Module:
    path = tmp_path / f"{name.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Module(name, path)


@pytest.mark.parametrize(
    ("text", "acts"),
    [
        ("x = 1", False),
        ("x: int = 1", False),
        ("x += 1", False),
        ("x.y = 1", True),
        ("x[0] = 1", True),
        ("x.y: int = 1", True),
        ("a, b.c = 1, 2", True),
        ("f()", True),
        ("for x in y: pass", True),
        ("def f(): g()", False),
        ("class A: f()", False),
        ("@cache\ndef f(): pass", False),
        ("@functools.lru_cache(3)\ndef f(): pass", False),
        ("@dataclass(frozen=True)\nclass A: pass", False),
        ("@register\ndef f(): pass", True),
        ("'a text'", False),
        ("...", False),
        ("import a.b", False),
        ("if TYPE_CHECKING:\n    import a", False),
        ("if typing.TYPE_CHECKING:\n    f()", False),
        ("if __name__ == '__main__':\n    f()", False),
        ("if a:\n    f()", True),
    ],
)
def test_what_acts_on_import_is_told_from_what_defines(tmp_path: Path, text: str, acts: bool) -> None:
    assert bool(_module(tmp_path, text).effects) == acts


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(a, *b, c=d, **e): return a + b + c + e + g", {"d", "g"}),
        ("def f():\n    x = 1\n    return x + y", {"y"}),
        ("def f():\n    global x\n    x = 1\n    return x", {"x"}),
        ("f = lambda a: a + b", {"b"}),
        ("x = [a + b for a in c if a > d]", {"b", "c", "d"}),
        ("x = {k: v for k, v in items.of.x}", {"items"}),
        ("def f():\n    try: g()\n    except E as e: return e", {"g", "E"}),
        ("def f(x):\n    match x:\n        case {'a': y, **z} if w: return y, z", {"w"}),
        ("def f(x: 'Y') -> 'list[Z]': ...", {"Y", "Z", "list"}),
        ("def f(x: Literal['not a name']): ...", {"Literal"}),
        ("class A(B, metaclass=C):\n    x = D", {"B", "C", "D"}),
        ("@a.b(c)\ndef f(): ...", {"a", "c"}),
        ("def f():\n    def g(): return h\n    return g", {"h"}),
        ("x += y", {"x", "y"}),
    ],
)
def test_names_that_a_statement_takes_from_its_module(tmp_path: Path, text: str, names: set[str]) -> None:
    assert {one.start for one in _module(tmp_path, text).references(0).names} == names


def test_attributes_imports_and_texts_of_a_statement(tmp_path: Path) -> None:
    text = """
def f():
    from . import near
    from ..far import x as y
    import a.b as c
    return np.random.seed, y.z, c.d, near.e, 'run a.module'
"""
    found = _module(tmp_path, text, "top.pack.mod").references(0)
    assert found.names == {
        Reference("np", ("random", "seed")),
        Reference(Import("top.far", "x"), ("z",)),
        Reference(Import("a.b"), ("d",)),
        Reference(Import("top.pack", "near"), ("e",)),
    }
    assert found.imports == {Import("top.pack", "near"), Import("top.far", "x"), Import("a.b")}
    assert found.texts == {"run a.module"}


def test_names_of_a_module_are_bound_wherever_they_are(tmp_path: Path) -> None:
    text = """
from .other import *
import a.b, c as d
if e:
    x = 1
else:
    from f import g as x
with h() as y:
    pass
if (z := 1):
    pass
"""
    module = _module(tmp_path, text)
    assert module.stars == ["pack.other"]
    assert module.bindings["a"] == [Import("a")] and module.bindings["a.b"] == [Import("a.b")]
    assert module.bindings["d"] == [Import("c")]
    assert Import("f", "g") in module.bindings["x"]
    assert {"y", "z"} <= module.bindings.keys()
    assert module.imports >= {Import("a.b"), Import("c"), Import("f", "g")}


def test_a_package_is_its_own_package(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/__init__.py").write_text("from .inner import x\n")
    assert Module("pack", tmp_path / "pack/__init__.py").imports == {Import("pack.inner", "x")}


def test_what_is_no_python_is_named_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(SyntaxError) as error:
        _module(tmp_path, "def f(:\n")
    assert error.value.filename == str(tmp_path / "pack/mod.py")
