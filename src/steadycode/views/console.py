"""Shows stages with their progress and the time left in the terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Event = dict[str, Any]
_LINE_EVERY_SECONDS = 15.0


def plain_printer() -> Callable[..., None]:
    """A function that prints text without reading markup, which names and reasons may look like."""
    return partial(Console().print, markup=False, highlight=False, soft_wrap=True)


def aside(console: Console) -> Callable[[str], None]:
    """A function that prints what goes on beside the stages, dimmed and without reading markup."""
    return partial(console.print, style="dim", markup=False)


class StageView:
    """Turns a stage's events into a progress bar, or into a line now and then where there is no
    terminal. Stages are announced as ``[2/6] train``, so that the whole way is in sight."""

    def __init__(self, console: Console, stages: int) -> None:
        self._console = console
        self._stages = stages
        self._titles: list[str] = []

    @contextmanager
    def stage(self, title: str) -> Iterator["EventView"]:
        """Announce a stage; inside the block, its events can be given to what is yielded."""
        if title not in self._titles:  # a second try is the same stage
            self._titles.append(title)
        began = time.monotonic()
        number = self._titles.index(title) + 1
        self._console.print(f"[bold]\\[{number}/{self._stages}] {escape(title)}[/bold]")
        live = self._console.is_terminal
        bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        with bars if live else nullcontext():
            yield EventView(self._console, bars if live else None)
        self._console.print(f"      done in {spoken(time.monotonic() - began)}", style="dim")


class EventView:
    """Shows the events of one stage."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console = console
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}
        self._last_line = time.monotonic()

    def __call__(self, event: Event) -> None:
        if event["kind"] == "message":
            self._console.print(f"      {event['text']}", style="dim", markup=False)
        elif event["kind"] == "progress":
            self.progress(event["label"], event["done"], event["total"])

    def progress(self, label: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` parts of the work called ``label`` are done."""
        if self._bars is not None:
            if label not in self._tasks:
                self._tasks[label] = self._bars.add_task(label, total=total)
            self._bars.update(self._tasks[label], completed=done, total=total)
            return
        now = time.monotonic()
        began, first = self._began.setdefault(label, (now, done))
        if now - self._last_line >= _LINE_EVERY_SECONDS and done > first:
            left = (now - began) / (done - first) * (total - done)
            self._console.print(f"      {label} {done}/{total}, about {spoken(left)} left")
            self._last_line = now


def spoken(seconds: float) -> str:
    """A duration as a person says it.

    >>> spoken(7.4), spoken(75), spoken(4000)
    ('7 s', '1 min 15 s', '1 h 6 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
