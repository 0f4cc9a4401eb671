"""Shows what a removal or a relocation changed, item by item."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from steadycode.registry.retention import Item
from steadycode.views.readable import Readable, figure, name


def show_removal(gone: Sequence[Item], in_use: Sequence[Item], left_to: str, dry_run: bool) -> None:
    """Print the removed items by kind with their sizes, and what was left alone because it is in
    use or because the server ``left_to`` keeps it ("" when there is no such server)."""
    console = Console()
    total = decimal(sum(item.bytes for item in gone))
    if gone:
        console.print(_removal_table(gone))
        console.print(f"would free {total}" if dry_run else f"freed {total}")
    else:
        console.print("nothing to free")
    for item in in_use:
        console.print(f"in use, left alone: {item.kind} of {item.what}", markup=False)
    if left_to:
        console.print(f"the artifacts on {left_to} are left to it", markup=False)


def _removal_table(items: Sequence[Item]) -> Readable:
    table = Table(name("kind"), name("what"), figure("size"))
    for kind, group in groupby(items, key=lambda item: item.kind):
        of_kind = list(group)
        for item in of_kind:
            table.add_row(item.kind, Text(item.what), decimal(item.bytes))
        total = decimal(sum(item.bytes for item in of_kind))
        table.add_row(f"all {kind}", f"{len(of_kind)}", total, style="bold", end_section=True)
    return Readable(table)


def relocation_table(rewritten: Mapping[str, int]) -> Readable:
    """A table of how many addresses of each kind now point to the project's folder."""
    table = Table(name("addresses of"), figure("rewritten"))
    for key, count in rewritten.items():
        table.add_row(key, str(count))
    return Readable(table)
