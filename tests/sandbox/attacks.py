"""Programs that misbehave on purpose, and what is looked at from outside to see them contained.

    python tests/sandbox/attacks.py

prints, for the current user, how many programs of each family the sandbox contained; the exit code
is 1 when anything got through. An attack says that it succeeded by passing its test or by raising
``BREACH``; whatever it says, canary files, listeners, processes, shared memory and the next
program's surroundings are compared before and after it.

Attacks are data. ``@TMP@``, ``@SECRET@`` and the like stand for what ``Outside`` puts up.
"""

import argparse
import json
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict

from hostile.attack import Attack
from hostile.files import file_attacks
from hostile.hoarding import hoarding_attacks
from hostile.honest import HONEST
from hostile.introspection import introspection_attacks
from hostile.leftovers import (
    ending_attacks,
    handing_on_attacks,
    leftover_attacks,
    neighbour_attacks,
)
from hostile.network import network_attacks
from hostile.outside import Outcome, Outside
from hostile.processes import process_attacks
from hostile.protocol import protocol_attacks
from hostile.resources import resource_attacks
from hostile.signals import signal_attacks
from hostile.spoofing import spoofing_attacks


def _attacks() -> Iterator[Attack]:
    yield from file_attacks()
    yield from network_attacks()
    yield from process_attacks()
    yield from resource_attacks()
    yield from hoarding_attacks()
    yield from signal_attacks()
    yield from introspection_attacks()
    yield from spoofing_attacks()
    yield from protocol_attacks()
    yield from leftover_attacks()
    yield from handing_on_attacks()
    yield from neighbour_attacks()
    yield from ending_attacks()


def _is_for_this_machine(attack: Attack) -> bool:
    """Numbers of system calls are x86's."""
    return platform.machine() == "x86_64" or not re.search(r"(?<![\w.])call\(\d", attack.code)


ATTACKS = tuple(filter(_is_for_this_machine, _attacks()))


def run_all(wanted: str = "", progress: bool = False) -> Iterator[Outcome]:
    with Outside() as outside:
        for attack in ATTACKS:
            if wanted in attack.id:
                outcome = outside.run(attack)
                if progress:
                    print(f"{outcome.seconds:6.2f} {outcome.id}", file=sys.stderr)
                yield outcome
        for honest in HONEST:
            if wanted in honest.id:
                yield outside.run_honest(honest)


def _print_table(outcomes: list[Outcome]) -> None:
    families = list(dict.fromkeys(outcome.family for outcome in outcomes))
    rows = [
        (
            "honest programs (passed)" if family == "honest" else family,
            str(sum(outcome.family == family for outcome in outcomes)),
            str(sum(outcome.family == family and not outcome.fault for outcome in outcomes)),
        )
        for family in families
    ]
    rows.append(("all", str(len(outcomes)), str(sum(not outcome.fault for outcome in outcomes))))
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        for row in (("family", "programs", "contained"), *rows):
            print(f"{row[0]:28}{row[1]:>10}{row[2]:>10}")
        return
    table = Table("family")
    for title in ("programs", "contained"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="one outcome a line, no table")
    parser.add_argument("--only", default="", help="attacks whose name contains this")
    parser.add_argument("--verbose", action="store_true", help="show each attack and its time")
    given = parser.parse_args()
    outcomes = []
    for outcome in run_all(given.only, given.verbose):
        outcomes.append(outcome)
        if given.json:
            print(json.dumps(asdict(outcome)), flush=True)
    through = [outcome for outcome in outcomes if outcome.fault]
    if not given.json:
        _print_table(outcomes)
        for outcome in through:
            print(f"{outcome.id}: {outcome.fault}")
    return 1 if through else 0


if __name__ == "__main__":
    sys.exit(main())
