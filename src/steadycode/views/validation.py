"""Shows what a validation of the data found, as a table and as a page."""

from pathlib import Path

from rich.table import Table
from rich.text import Text

from steadycode.corpus.validation_result import ValidationResult
from steadycode.views.templates import render


def validation_table(result: ValidationResult) -> Table:
    """A table with a line for each check."""
    table = Table("check", "outcome", "finding")
    for check in result.checks:
        outcome = "ok" if check.ok else check.severity
        table.add_row(Text(check.name), outcome, Text(check.finding))
    return table


def validation_page(result: ValidationResult) -> str:
    """An HTML page of the result that needs nothing beside it."""
    return render("validation.html.j2", result=result)


def is_validation_page(path: Path) -> bool:
    """Whether the file is a page that ``validation_page`` has made."""
    return path.is_file() and b"<title>Data validation: " in path.read_bytes()
