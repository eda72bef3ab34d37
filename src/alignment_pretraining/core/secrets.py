"""Passwords in addresses, which no message, record or run may show."""

import re

_PASSWORD = re.compile(r"(?<=://)([^\s/:]*):[^\s/]*@")


def hide_passwords(text: str) -> str:
    """`text` with the password of every URL in it replaced: `http://me:secret@host` becomes `http://me:***@host`."""
    return _PASSWORD.sub(r"\1:***@", text)
