"""What a hash of code sees: never how it is written or described, always what it says."""

import ast
import io
import tokenize
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.code import SOURCE
from alignment_pretraining.core.syntax import canonical

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
