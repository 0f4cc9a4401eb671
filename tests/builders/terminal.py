"""What a terminal shows, as text."""

import re
from typing import Any


def printed(*renderables: Any, width: int = 120) -> list[str]:
    """Lines, without the blanks at their ends."""
    from rich.console import Console

    console = Console(width=width, _environ={})
    with console.capture() as capture:
        for one in renderables:
            console.print(one, markup=False, highlight=False, soft_wrap=isinstance(one, str))
    return [line.rstrip() for line in capture.get().splitlines()]


def cells(shown: str | list[str]) -> list[list[str]]:
    """The rows of every table with borders, heading included, each as its cells."""
    lines = shown.splitlines() if isinstance(shown, str) else shown
    rows = [re.split("[│┃]", line.strip())[1:-1] for line in lines if re.match(r" *[│┃]", line)]
    return [[cell.strip() for cell in row] for row in rows]
