"""Values on a page are text, whatever they hold, and one that is missing is an error."""

from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from alignment_pretraining.core.pages import html_template


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page.html.j2").write_text('{% if name %}\n<p title="{{ name }}">{{ name }}</p>\n{% endif %}\n')
    (tmp_path / "outer.html.j2").write_text("<main>{% include 'page.html.j2' %}</main>")
    return tmp_path


def test_a_value_cannot_add_elements_or_attributes(folder: Path) -> None:
    page = html_template(folder, "page.html.j2").render(name="\"><script>alert('a & b')</script>")
    assert page == (
        '<p title="&#34;&gt;&lt;script&gt;alert(&#39;a &amp; b&#39;)&lt;/script&gt;">'
        "&#34;&gt;&lt;script&gt;alert(&#39;a &amp; b&#39;)&lt;/script&gt;</p>\n"
    )


def test_lines_of_conditions_leave_no_empty_lines(folder: Path) -> None:
    assert html_template(folder, "page.html.j2").render(name="") == ""


def test_a_value_that_is_not_given_is_an_error(folder: Path) -> None:
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        html_template(folder, "page.html.j2").render()


def test_templates_find_those_beside_them(folder: Path) -> None:
    assert html_template(folder, "outer.html.j2").render(name="<a>") == (
        '<main><p title="&lt;a&gt;">&lt;a&gt;</p>\n</main>'
    )
    with pytest.raises(TemplateNotFound, match=r"none\.j2"):
        html_template(folder, "none.j2")
