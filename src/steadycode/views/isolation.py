"""Shows what a generated program can do on this machine, promise by promise."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steadycode.sandbox.probes import Isolation
from steadycode.views.readable import Readable, name


def show_isolation(isolation: Isolation) -> bool:
    """Print what each probe got; return whether everything holds, so that evaluations start."""
    table = Table(name("a generated program"), name("holds"), "what it got")
    for probe, verdict in isolation.verdicts:
        holds = verdict.status in probe.held
        sign = Text("yes", "green") if holds else Text("NO", "bold red")
        table.add_row(probe.promise, sign, Text(f"{verdict.status} {verdict.detail}".strip()))
    console = Console()
    console.print(Readable(table))
    for what, why in isolation.missing.items():
        console.print(Text(f"{what}: {why}"))
    if isolation.holds:
        console.print("generated programs are isolated here")
    else:
        console.print(Text(f"evaluation refuses to start here. {isolation.advice}"))
    return isolation.holds
