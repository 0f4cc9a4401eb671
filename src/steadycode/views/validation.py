"""Shows what a validation of the data found, as a table and as a page."""

from pathlib import Path

from rich.table import Table
from rich.text import Text

from steadycode.corpus.left_out import REASONS
from steadycode.corpus.lock import Lock
from steadycode.corpus.validation_result import ValidationResult
from steadycode.views.readable import Readable, name
from steadycode.views.sources import sources_line
from steadycode.views.templates import render


def validation_table(result: ValidationResult) -> Readable:
    """A table with a line for each check."""
    table = Table(name("check"), name("outcome"), "finding")
    for check in result.checks:
        outcome = "ok" if check.ok else check.severity
        table.add_row(Text(check.name), outcome, Text(check.finding))
    return Readable(table)


def validation_page(result: ValidationResult, lock: Lock | None = None) -> str:
    """An HTML page of the result that needs nothing beside it; with the lock of data that was
    built from the recipe, also of what the build left out."""
    line = "" if lock is None else sources_line(lock)
    return render(
        "validation.html.j2", result=result, lock=lock, sources_line=line, reasons=REASONS
    )


def is_validation_page(path: Path) -> bool:
    """Whether the file is a page that ``validation_page`` has made."""
    return path.is_file() and b"<title>Data validation: " in path.read_bytes()
