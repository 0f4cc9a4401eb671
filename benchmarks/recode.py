"""How long it takes to build ReCode's benchmark, alone and with every promise checked.

    python benchmarks/recode.py --seeds 5

It applies every perturbation that needs no model to a quarter, a half and all of HumanEval's
problems, which shows that time grows with their number.
"""

import argparse
import os
import platform
import time
from contextlib import nullcontext

from rich.console import Console
from rich.table import Table

from steadycode.problems import load_problems
from steadycode.recode import build_benchmark
from steadycode.sandbox import Sandbox


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--style", choices=("sound", "release"), default="sound")
    options = parser.parse_args()
    problems = load_problems("humaneval")
    build_benchmark(problems[:2], seeds=1, style=options.style)  # read the word lists
    console = Console()
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs, style {options.style},"
        f" {options.seeds} seeds, load before {os.getloadavg()[0]:.2f}"
    )
    table = Table("problems", "rows", "built alone, s", "built and checked, s", "rejected")
    for share in (4, 2, 1):
        some = problems[::share]
        seconds = []
        for verified in (False, True):
            began = time.perf_counter()
            with Sandbox() if verified else nullcontext() as sandbox:
                judge = sandbox.judge if sandbox else None
                built = build_benchmark(some, seeds=options.seeds, style=options.style, judge=judge)
            seconds.append(f"{time.perf_counter() - began:.1f}")
        rows = str(len(built.variants) + len(built.rejected))
        table.add_row(str(len(some)), rows, *seconds, str(len(built.rejected)))
    console.print(table)


if __name__ == "__main__":
    main()
