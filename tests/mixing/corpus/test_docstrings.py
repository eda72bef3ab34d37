from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.corpus.config import Packages
from alignment_pretraining.mixing.corpus.docstrings import read_docstrings
from tests.mixing.corpus.conftest import Install

LONG = "This sentence number {} is about the way in which the values of a series are counted and then compared. "


def _text(*numbers: int) -> str:
    return "\n\n".join(
        LONG.format(word).strip() for word in ["one", "two", "three", "four", "five", "six"][slice(*numbers)]
    )


def _module(body: str) -> str:
    return f'"""{_text(0, 3)}"""\nraise RuntimeError("imported")\n{body}'


def test_documents_of_a_package_are_read_in_order_and_never_imported(install: Install) -> None:
    method = f'class Counter:\n    def add(self):\n        """{_text(3, 6)}"""\n'
    install("demo", "1.4", {"demo/b.py": _module(method), "demo/a.py": "", "demo/tests/c.py": _module("")})
    documents = list(read_docstrings(Packages(packages={"demo": None})))
    assert [d.id for d in documents] == ["demo/b.py:", "demo/b.py:Counter.add"]
    assert {d.source for d in documents} == {"demo==1.4"}
    assert documents[0].text == _text(0, 3)


def test_a_paragraph_met_before_is_left_out(install: Install) -> None:
    again = f'def f():\n    """{_text(0, 3)}"""\n'
    install("demo", "1.4", {"demo/a.py": _module(again)})
    assert len(list(read_docstrings(Packages(packages={"demo": "1.4"})))) == 1


def test_properties_of_one_name_get_ids_of_their_own(install: Install) -> None:
    body = f'def f():\n    """{_text(0, 3)}"""\ndef f():\n    """{_text(3, 6)}"""\n'
    install("demo", "1.4", {"demo/a.py": body})
    assert [d.id for d in read_docstrings(Packages(packages={"demo": None}))] == ["demo/a.py:f", "demo/a.py:f#2"]


def test_a_file_that_is_no_python_is_passed_over(install: Install) -> None:
    install("demo", "1.4", {"demo/a.py": "{{ template }} ...", "demo/b.py": _module("")})
    assert len(list(read_docstrings(Packages(packages={"demo": None})))) == 1


def test_a_missing_package_is_named_with_the_way_out() -> None:
    with pytest.raises(UserError, match=r"'no-such-package', which is not installed: install it, or take it out of"):
        list(read_docstrings(Packages(packages={"no-such-package": None})))


def test_another_version_than_pinned_is_refused(install: Install) -> None:
    install("demo", "1.4", {"demo/a.py": ""})
    with pytest.raises(UserError, match=r"demo==1\.3, but 1\.4 is installed: install demo==1\.3"):
        list(read_docstrings(Packages(packages={"demo": "1.3"})))


@pytest.mark.parametrize("code", ["x" + "+1" * 20_000, "x = a" + ".b" * 20_000, "x = " + "-" * 20_000 + "1"])
def test_generated_code_too_deep_to_parse_is_passed_over(install: Install, code: str) -> None:
    install("demo", "1.4", {"demo/a.py": code, "demo/b.py": _module("")})
    assert [d.id for d in read_docstrings(Packages(packages={"demo": None}))] == ["demo/b.py:"]


def test_a_file_that_its_package_has_lost_is_named(install: Install, tmp_path: Path) -> None:
    install("demo", "1.4", {"demo/a.py": "", "demo/b.py": _module("")})
    (tmp_path / "site-packages/demo/b.py").unlink()
    with pytest.raises(UserError, match=r"demo/b\.py is gone, .*: install the package again"):
        list(read_docstrings(Packages(packages={"demo": None})))


def test_what_is_under_a_condition_is_documented_too(install: Install) -> None:
    body = f'if True:\n  class A:\n    try:\n      async def f(self):\n        """{_text(0, 3)}"""\n    finally: pass\n'
    install("demo", "1.4", {"demo/a.py": body})
    assert [d.id for d in read_docstrings(Packages(packages={"demo": None}))] == ["demo/a.py:A.f"]


def test_a_text_of_one_sentence_is_no_document(install: Install) -> None:
    short, long = _text(0, 1), _text(1, 4)
    body = f'def f():\n    """{short}"""\ndef g():\n    """{long}"""\n'
    install("demo", "1.4", {"demo/a.py": body})
    [document] = read_docstrings(Packages(packages={"demo": None}))
    assert (document.id, document.text) == ("demo/a.py:g", long) and len(short) < 200 <= len(long)
