"""Tables whose names stay whole: where a terminal or a pipe is too narrow for the columns, what
stood beside a name stands below it.

Names and figures are columns that are not wrapped (``no_wrap``); all others hold prose, which may
wrap as long as ``_PROSE`` characters, and its longest word, are left to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

_PROSE = 24
_INDENT = 4


def name(heading: str) -> Column:
    """A column of names: never wrapped and never cut."""
    return Column(heading, no_wrap=True)


def figure(heading: str) -> Column:
    """A column of figures: never wrapped and never cut, and flush right."""
    return Column(heading, no_wrap=True, justify="right")


@dataclass(frozen=True, slots=True)
class Readable:
    """Shows ``table`` as it is where it fits, and else each row's name with the rest below it."""

    table: Table

    def __post_init__(self) -> None:
        for column in self.table.columns:
            column.overflow = "fold"

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        if _needed(self.table, console, options) <= options.max_width:
            yield self.table
        else:
            yield from _lines(self.table)


def _needed(table: Table, console: Console, options: ConsoleOptions) -> int:
    """The characters that a line needs at least, with every name and every word whole."""

    def widest(cell: RenderableType) -> int:
        return Measurement.get(console, unbounded, cell).maximum

    unbounded = options.update(max_width=10_000)
    spared = 0
    for column in table.columns:
        if not column.no_wrap:
            cells = [Measurement.get(console, unbounded, c) for c in (column.header, *column.cells)]
            longest_word = max(cell.minimum for cell in cells)
            spared += max(0, max(c.maximum for c in cells) - max(_PROSE, longest_word))
    borders = table.title, table.caption
    table.title = table.caption = None  # they wrap
    try:
        return widest(table) - spared
    finally:
        table.title, table.caption = borders


def _lines(table: Table) -> Iterator[RenderableType]:
    if table.title:
        yield _text(table.title)
    headings = [_text(column.header).plain for column in table.columns]
    for first, *others in zip(*(column.cells for column in table.columns), strict=True):
        yield _whole(_text(first))
        below = [
            Text(f"{heading} " if heading else "") + cell
            for heading, cell in zip(headings[1:], map(_text, others), strict=True)
            if cell.plain.strip()
        ]
        if below:
            yield Padding(Text(", ").join(below), (0, 0, 0, _INDENT))
    if table.caption:
        yield _text(table.caption)


def _whole(text: Text) -> Text:
    """A name in one line; one that is longer than the line goes on in the next."""
    text.overflow = "fold"
    return text


def _text(cell: RenderableType) -> Text:
    return cell.copy() if isinstance(cell, Text) else Text.from_markup(str(cell))
