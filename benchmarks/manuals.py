"""Prose to measure with: the manuals that Debian ships, in English and in other scripts."""

import gzip
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lxml import html

_OFFICE = "usr/share/libreoffice/help"
# By name of the corpus, packages of Debian 12 and the folders of their pages. Programs' own reference is left out.
MANUALS = {
    "prose": {
        "linux-doc-6.1": "usr/share/doc/linux-doc-6.1/html",
        "python3.11-doc": "usr/share/doc/python3.11/html",
        "postgresql-doc-15": "usr/share/doc/postgresql-doc-15/html",
        "libreoffice-help-en-us": f"{_OFFICE}/en-US",
        "exim4-doc-html": "usr/share/doc/exim4-doc-html",
        "gimp-help-en": "usr/share/gimp/2.0/help/en",
    },
    "Cyrillic": {"libreoffice-help-ru": f"{_OFFICE}/ru"},
    "Greek": {"libreoffice-help-el": f"{_OFFICE}/el"},
    "Chinese": {"libreoffice-help-zh-cn": f"{_OFFICE}/zh-CN"},
    "Japanese": {"libreoffice-help-ja": f"{_OFFICE}/ja"},
    "Korean": {"libreoffice-help-ko": f"{_OFFICE}/ko"},
    "Hindi": {"libreoffice-help-hi": f"{_OFFICE}/hi"},
    "Persian": {"gimp-help-fa": "usr/share/gimp/2.0/help/fa"},
    "French": {"libreoffice-help-fr": f"{_OFFICE}/fr"},
    "German": {"libreoffice-help-de": f"{_OFFICE}/de"},
    "Vietnamese": {"libreoffice-help-vi": f"{_OFFICE}/vi"},
}
_BLOCKS = ("p", "li", "dd", "h1", "h2", "h3", "div")
_MIN_CHARACTERS = 200


def manuals() -> dict[str, list[str]]:
    """By name of the corpus, one text a page, its paragraphs parted by empty lines.

    Raises:
        subprocess.CalledProcessError: a package cannot be had; the lists of packages may be missing (apt-get update).
    """
    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for corpus, packages in MANUALS.items():
            for package, pages in packages.items():
                subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True)
                [file] = Path(folder).glob(f"{package}_*.deb")
                subprocess.run(["dpkg-deb", "-x", file, f"{folder}/{package}"], check=True)
                found.setdefault(corpus, []).extend(_texts(Path(folder) / package / pages))
    return found


def _texts(folder: Path) -> Iterator[str]:
    for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.html.gz")]):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if not data.strip():
            continue
        page = html.document_fromstring(data, parser=html.HTMLParser(encoding="utf-8"))
        blocks = (block for block in page.iter(*_BLOCKS) if next(block.iterdescendants(*_BLOCKS), None) is None)
        text = "\n\n".join(part for block in blocks if (part := str(block.text_content()).strip()))
        if len(text) >= _MIN_CHARACTERS:
            yield text
