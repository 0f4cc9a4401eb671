"""Shows what was measured of a model in a table and, if asked to, writes it to a JSON file."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from steadycode.files import write_json
from steadycode.measures.search import metrics, overall
from steadycode.views.readable import Readable, figure, name


def show_figures(title: str, figures: Mapping[str, float], json: Path | None) -> None:
    """Print each figure on a line; write them to the file ``json``, where NaN becomes null."""
    table = Table(name("figure"), figure("value"), title=title)
    for key, value in figures.items():
        table.add_row(key, f"{value:.4f}")
    Console().print(Readable(table))
    _write(figures, json)


def show_search(
    model: str,
    languages: Sequence[str],
    maps: Mapping[tuple[str, str], float],
    json: Path | None,
) -> None:
    """Print the MAP (per cent) of every pair of languages; write it by MLflow name to ``json``."""
    table = Table(
        name("queries"),
        *(figure(f"in {language}") for language in languages),
        title=f"{model}: MAP, %",
    )
    for query in languages:
        values = [maps[query, candidate] for candidate in languages]
        table.add_row(query, *("-" if math.isnan(value) else f"{value:.2f}" for value in values))
    console = Console()
    console.print(Readable(table))
    console.print(f"overall, the mean of all pairs with a hit: {overall(maps):.2f}")
    _write(metrics(maps), json)


def _write(figures: Mapping[str, float], json: Path | None) -> None:
    if json is not None:
        write_json(json, dict(figures))
