"""No message, record or run shows the password of an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.secrets import hide_passwords

PARTS = st.text("ab1%.-_!$", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me@server:hidden@host:5432/db", "postgresql://me@server:***@host:5432/db"),
        ("https://me:hid@den@host/path", "https://me:***@host/path"),
        ("http://:hidden@host", "http://:***@host"),
        ("s3://a:hidden@b and ftp://c:hidden@d", "s3://a:***@b and ftp://c:***@d"),
        ("'http://me:hidden@host', then", "'http://me:***@host', then"),
    ],
)
def test_a_password_is_hidden_wherever_it_stands(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://host:8080/a:b@c",
        "https://me@host/",
        "https://host/a:b@c",
        "sqlite:////store/mlflow.db",
        "mail me@host at 12:30",
        "http://host:80 or me@host",
        "",
    ],
)
def test_what_has_no_password_stays_as_it_is(text: str) -> None:
    assert hide_passwords(text) == text


@given(PARTS, PARTS, st.lists(st.sampled_from(["see", "at 10:30", "me@host", "\n"])))
def test_hiding_twice_is_hiding_once_and_the_rest_stays(user: str, password: str, rest: list[str]) -> None:
    around = " ".join(rest)
    shown = hide_passwords(f"{around} http://{user}:{password}@host/path {around}")
    assert shown == f"{around} http://{user}:***@host/path {around}"
    assert hide_passwords(shown) == shown
