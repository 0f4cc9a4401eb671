"""Shows what a build of the data took from its sources, and what it left out, as a table."""

from rich.table import Table
from rich.text import Text

from steadycode.corpus.left_out import REASONS
from steadycode.corpus.lock import Lock
from steadycode.views.readable import Readable, figure, name


def sources_table(lock: Lock) -> Readable:
    """A line for each reason for which files, or parts of files, were left out."""
    table = Table(
        name("left out"), figure("files"), figure("parts"), "first", title=sources_line(lock)
    )
    for reason, left in lock.left_out.items():
        names = ", ".join(left.first)
        more = ", …" if left.files + left.parts > len(left.first) else ""
        cells = (str(left.files or ""), str(left.parts or ""))
        table.add_row(Text(REASONS[reason]), *cells, Text(names + more, overflow="fold"))
    return Readable(table)


def sources_line(lock: Lock) -> str:
    """How many files were seen, taken and left out, and which sources gave no row."""
    if lock.files is None:
        return "what was left out is not known: the lock is of an earlier version"
    seen, taken = lock.files.seen, lock.files.taken
    line = f"{seen:,} files: {taken:,} taken, {seen - taken:,} left out"
    empty = [name for name, source in lock.sources.items() if not source.rows]
    return f"{line}; no row from {', '.join(empty)}" if empty else line
