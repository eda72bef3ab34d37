"""A cache of files' hashes, and of what the code of a source folder is, so that no content is read twice for that.

A hash counts while the file has the size, the times of modification and of change, and the inode with which it was
read. The time of change is the system's own: an edit that sets the time of modification back is noticed.
Without `use_cache`, here or in the process that started this one, every file is read.
"""

import contextlib
import hashlib
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from alignment_pretraining.core.files import files_below

_log = logging.getLogger(__name__)

# Worker processes inherit it.
_VARIABLE = "ALIGNMENT_PRETRAINING_DIGESTS"
# Two changes within a tick of the system's clock leave the same times (4 ms at 250 ticks a second).
_TICK_NS = 50_000_000
# Reading a file this big again costs more than waiting for a tick to end.
_BIG = 1 << 20
_BUSY_SECONDS = 5

State = tuple[int, int, int, int]


def use_cache(folder: Path) -> None:
    """From now on keep hashes in `folder`, in this process and in those that it starts.

    Each machine has a file of its own, because SQLite's journal is not for several machines at once.
    """
    os.environ[_VARIABLE] = str(folder.resolve() / f"digests-{os.uname().nodename}.sqlite")


def ignore_cache() -> None:
    """From now on read every file."""
    os.environ.pop(_VARIABLE, None)


def cached(path: Path, algorithm: str, compute: Callable[[Path], str], trust_cache: bool = True) -> str:
    """`compute(path)`, or what it gave when the file was last read; without `trust_cache` it is read at any rate."""
    known = _known()
    if known is None:
        return compute(path)
    name, state = _name(path), _state(path)
    if trust_cache and (digest := known.find(name, algorithm, state)):
        return digest
    settled = _settled(state)
    digest = compute(path)
    if settled and _state(path) == state:
        known.keep(name, algorithm, state, digest)
    return digest


def link_with_hashes(source: Path, target: Path) -> None:
    """Hard-link `target` to `source`. A link changes the time of change and not the content: hashes that were known of
    `source` are kept for both names.

    Raises:
        OSError: the file system has no links, or there is such a file.
    """
    known = _known()
    before = _state(source)
    os.link(source, target)
    after = _state(source)
    if known and before[:2] == after[:2] and before[3] == after[3]:
        name, other = _name(source), _name(target)
        for algorithm, digest in known.all_of(name, before):
            known.keep(name, algorithm, after, digest)
            known.keep(other, algorithm, after, digest)


def move_with_hashes(source: Path, target: Path) -> None:
    """Move a folder to `target`, where nothing is, with the hashes that are known of its files."""
    known = _known()
    files = [path for path in source.rglob("*") if path.is_file()] if known else []
    before = {path: _state(path) for path in files}
    shutil.move(source, target)  # copies to another file system
    for path, state in before.items():
        moved = target / path.relative_to(source)
        if known and _state(moved) == state:
            for algorithm, digest in known.all_of(_name(path), state):
                known.keep(_name(moved), algorithm, state, digest)


def remove_with_hashes(folder: Path) -> None:
    """Delete a folder, if there is one. A file of it that has another name changes its time of change and not its
    content: hashes that are known of that name are kept."""
    known = _known()
    for path in folder.rglob("*") if known else ():
        if known and path.is_file() and path.stat().st_nlink > 1:
            before = _state(path)
            path.unlink()
            for name, algorithm, digest in known.names_of(before):
                with contextlib.suppress(OSError):  # the name that was removed, or another that is gone
                    after = _state(Path(name))
                    if before[:2] == after[:2] and before[3] == after[3]:
                        known.keep(name, algorithm, after, digest)
    shutil.rmtree(folder, ignore_errors=True)


class CachedTree:
    """Texts about all files below `roots`, which hold while every one of them is as it was at the first text."""

    def __init__(self, *roots: Path) -> None:
        self._roots = roots
        self._first: tuple[State, bool] | None = None

    def text(self, what: str, compute: Callable[[], str]) -> str:
        """`compute()`, or what it gave for `what` when the files were last in this state."""
        known = _known()
        if known is None:
            return compute()
        self._first = self._first or _tree_state(self._roots)
        name, (state, settled) = os.pathsep.join(map(_name, self._roots)), self._first
        if text := known.find(name, what, state):
            return text
        text = compute()
        if settled and _tree_state(self._roots)[0] == state:
            known.keep(name, what, state, text)
        return text


class _Store:
    """The file, used by any thread of one process. What is wrong with it is told once; then files are just read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._writable = True
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not (ignored := path.with_name(".gitignore")).exists():
                ignored.write_text("*\n")  # else git would call every working tree dirty
            connection = sqlite3.connect(path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            _log.warning("hashes are not kept in %s (%s)", path, error)
            return
        self._connection = connection
        try:
            connection.execute("PRAGMA journal_mode = wal")
            connection.execute("PRAGMA synchronous = off")  # what a crash of the machine loses is read again
            connection.execute(
                "CREATE TABLE IF NOT EXISTS digests (path TEXT, algorithm TEXT, size INTEGER, mtime INTEGER, "
                "ctime INTEGER, inode INTEGER, digest TEXT, PRIMARY KEY (path, algorithm)) WITHOUT ROWID"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS inodes ON digests (inode)")
        except sqlite3.OperationalError as error:  # read-only, perhaps: what it holds can still be used
            self._fail_to_write(error)
        except sqlite3.Error as error:
            self._give_up(error)

    def find(self, path: str, algorithm: str, state: State) -> str | None:
        """The hash of a file in this state."""
        query = (
            "SELECT digest FROM digests WHERE path = ? AND algorithm = ? "
            "AND size = ? AND mtime = ? AND ctime = ? AND inode = ?"
        )
        with self._lock:
            try:
                row = self._connection and self._connection.execute(query, (path, algorithm, *state)).fetchone()
            except sqlite3.OperationalError:  # held by another process for long, or never written
                return None
            except sqlite3.Error as error:
                self._give_up(error)
                return None
        return row[0] if row else None

    def all_of(self, path: str, state: State) -> list[tuple[str, str]]:
        """Every (algorithm, hash) of a file in this state."""
        query = "SELECT algorithm, digest FROM digests WHERE (path, size, mtime, ctime, inode) = (?, ?, ?, ?, ?)"
        with self._lock:
            try:
                return self._connection.execute(query, (path, *state)).fetchall() if self._connection else []
            except sqlite3.Error:  # what is not known is read
                return []

    def names_of(self, state: State) -> list[tuple[str, str, str]]:
        """Every (path, algorithm, hash) of files in this state: the names of one file."""
        query = "SELECT path, algorithm, digest FROM digests WHERE (size, mtime, ctime, inode) = (?, ?, ?, ?)"
        with self._lock:
            try:
                return self._connection.execute(query, state).fetchall() if self._connection else []
            except sqlite3.Error:  # what is not known is read
                return []

    def keep(self, path: str, algorithm: str, state: State, digest: str) -> None:
        """Remember a hash in place of an older one."""
        values = (path, algorithm, *state, digest)
        with self._lock:
            if not (self._connection and self._writable):
                return
            try:
                self._connection.execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            except sqlite3.Error as error:
                self._fail_to_write(error)

    def _fail_to_write(self, error: sqlite3.Error) -> None:
        self._writable = False
        _log.info("no more hashes are kept in %s (%s)", self._path, error)

    def _give_up(self, error: sqlite3.Error) -> None:
        self._connection = None
        _log.warning("%s cannot be read (%s): delete it; until then every file is hashed anew", self._path, error)


def _known() -> _Store | None:
    """The cache, where one is in use."""
    place = os.environ.get(_VARIABLE)
    return _store(place, os.getpid()) if place else None


@cache
def _store(path: str, process: int) -> _Store:
    """The open file. A forked process opens it again, because SQLite's connections are not inherited."""
    return _Store(Path(path))


def _state(path: Path) -> State:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _tree_state(roots: tuple[Path, ...]) -> tuple[State, bool]:
    """The states of all files below `roots` as one, and whether a change of any from now on would show."""
    files = [path for root in roots for path in files_below(root) if path.parent.name != "__pycache__"]
    states = {path: _state(path) for path in sorted(files) if path.is_file()}
    digest = hashlib.sha256(repr([(str(path), state) for path, state in states.items()]).encode()).digest()
    first, second, third, fourth = (int.from_bytes(digest[at : at + 7]) for at in range(0, 28, 7))
    return (first, second, third, fourth), all(_settled(state) for state in states.values())


def _name(path: Path) -> str:
    """A file's absolute path as text that SQLite takes, whatever bytes it has."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - `Path.resolve` asks the disk about every part
    return os.fsencode(absolute).decode("utf-8", "backslashreplace")


def _settled(state: State) -> bool:
    """Whether a change from now on would show in the file's times; for a big file, after waiting until it does."""
    size, mtime, ctime, _ = state
    left = max(mtime, ctime) + _TICK_NS - time.time_ns()
    if 0 < left <= _TICK_NS and size >= _BIG:
        time.sleep(left / 1e9)
        return True
    return left <= 0
