"""What a run is doing: on a terminal a bar for each node at work and one for all, elsewhere a line now and then."""

import logging
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from alignment_pretraining.core.progress import Told, tell_no_more, tell_to

_log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30.0
_NAMED = 3  # nodes that a heartbeat names
_LONG = 5.0  # seconds from which the end of a node's work is worth a line


class Board:
    """Shows how far the nodes `names` are while its context is entered; other work joins as it tells of itself.

    The time left is an estimate: nodes of a kind (the same name in other namespaces) last as long as those that ended.
    """

    def __init__(self, title: str, names: Iterable[str] = (), console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, force_jupyter=False)
        self._waiting = set(names)
        self._at_work: set[str] = set()
        self._bars: dict[str, Task] = {}
        self._seconds: dict[str, list[float]] = defaultdict(list)  # of nodes that ended, by kind
        self._lock = threading.RLock()
        self._closed = threading.Event()
        name = TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"))
        columns = (name, BarColumn(8), _Share(), _Figures(table_column=Column(no_wrap=True)))
        self._progress = Progress(*columns, console=self._console, transient=True, expand=True)
        self._all = self._add(title, len(self._waiting))
        self._streams: dict[logging.StreamHandler[Any], Any] = {}

    def __enter__(self) -> "Board":
        tell_to(self.told)
        if self._console.is_terminal:
            self._progress.start()
            # What is logged goes above the bars, through what they put in place of the standard error.
            for handler in logging.getLogger().handlers:
                if type(handler) is logging.StreamHandler:
                    self._streams[handler] = handler.setStream(sys.stderr)
        else:
            threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Take the bars away."""
        tell_no_more(self.told)
        self._closed.set()
        if self._console.is_terminal:
            self._progress.stop()
        for handler, stream in self._streams.items():
            handler.setStream(stream)
        self._streams = {}
        if self._ended:
            _log.info("%s: %d nodes in %s", self._all.description, self._ended, clock(self._all.elapsed or 0))

    def expect(self, names: Iterable[str]) -> None:
        """Nothing but the nodes `names` will run."""
        with self._lock:
            self._waiting &= set(names)
            self._all.total = len(self._waiting)

    def begin(self, name: str) -> None:
        """A node began."""
        with self._lock:
            self._waiting.discard(name)
            self._at_work.add(name)
            self._bars[name] = self._add(name, None)

    def end(self, name: str) -> None:
        """A node ended."""
        with self._lock:
            self._at_work.discard(name)
            bar = self._remove(name)
            if bar:
                self._seconds[_kind(name)].append(bar.elapsed or 0)
                self._count()

    def told(self, told: Told) -> None:
        """Work tells of itself."""
        with self._lock:
            if told.name not in self._bars:
                if told.over:
                    return
                self._bars[told.name] = self._add(told.name, told.total)
            bar = self._bars[told.name]
            if "at" not in bar.fields or told.done < bar.completed:  # what was done before is no speed of this run
                self._progress.reset(bar.id, total=told.total, completed=told.done)
                bar.fields |= {"first": told.done, "at": time.monotonic()}
            self._progress.update(bar.id, completed=told.done)
            bar.fields |= {"unit": told.unit, "figures": told.figures}
            if told.over:
                self._report(bar, told)
                if told.name not in self._at_work:  # no node's work, or told by another process after the node's end
                    self._remove(told.name)
            self._count()

    @property
    def _ended(self) -> int:
        return sum(map(len, self._seconds.values()))

    def _add(self, name: str, total: int | None) -> Task:
        made = self._progress.add_task(name, total=total, board=self)
        return next(task for task in self._progress.tasks if task.id == made)

    def _remove(self, name: str) -> Task | None:
        bar = self._bars.pop(name, None)
        if bar:
            self._progress.remove_task(bar.id)
        return bar

    def _count(self) -> None:
        under_way = sum(bar.completed / bar.total for bar in self._bars.values() if bar.total)
        self._progress.update(self._all.id, completed=self._ended + under_way)

    def _report(self, bar: Task, told: Told) -> None:
        """A line for work that took long."""
        seconds = time.monotonic() - bar.fields["at"]
        done = told.done - bar.fields["first"]
        if seconds >= _LONG and done:
            told_of = ", ".join([*_figures(told.figures), _speed(done / seconds, told.unit)])
            _log.info("%s: %s %s in %s (%s)", told.name, f"{done:,}", told.unit, clock(seconds), told_of)

    def _beat(self) -> None:
        while not self._closed.wait(HEARTBEAT_SECONDS):
            with self._lock:
                _log.info("%s", self.line())

    def line(self) -> str:
        """How far all is, and the nodes that have been at work the longest, in words."""
        with self._lock:
            parts = [f"{self._all.description} {self.describe(self._all)}"]
            for name, bar in list(self._bars.items())[:_NAMED]:
                share = f"{bar.percentage:.0f} %, " if bar.total else ""
                parts.append(f"{name} {share}{self.describe(bar)}")
            more = len(self._bars) - _NAMED
            return "; ".join([*parts, f"and {more} more"] if more > 0 else parts)

    def describe(self, bar: Task) -> str:
        """Figures of a bar, the time that passed and that is left."""
        with self._lock:
            if bar is self._all:
                told, left = [f"{self._ended} of {bar.total:.0f} nodes"] if bar.total else [], self._left()
            else:
                told, left = _figures(bar.fields.get("figures", {})), bar.time_remaining
                if bar.speed:
                    told.append(_speed(bar.speed, bar.fields["unit"]))
        return ", ".join([*told, f"{clock(left)} left" if left else clock(bar.elapsed or 0)])

    def _left(self) -> float | None:
        """Seconds until all nodes have ended, if as many work side by side as so far; None before the first has."""
        if not self._seconds or not self._all.elapsed:
            return None
        by_kind = {kind: fmean(seconds) for kind, seconds in self._seconds.items()}
        usual = fmean(by_kind.values())
        work = sum(by_kind.get(_kind(name), usual) for name in self._waiting)
        for name, bar in self._bars.items():
            guess = max(by_kind.get(_kind(name), usual) - (bar.elapsed or 0), 0)
            work += guess if bar.time_remaining is None else bar.time_remaining
        spent = sum(map(sum, self._seconds.values())) + sum(bar.elapsed or 0 for bar in self._bars.values())
        return work / max(spent / self._all.elapsed, 1)


class _Share(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.percentage:3.0f} %" if task.total else "", style="progress.percentage")


class _Figures(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields["board"].describe(task), style="dim")


def clock(seconds: float) -> str:
    """A time as 0:05, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _figures(figures: Any) -> list[str]:
    return [f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()]


def _speed(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}/s" if value >= 10 else f"{value:.2g} {unit}/s"


def _kind(name: str) -> str:
    return name.rpartition(".")[2]
