"""What it saves to run programs while completions still come: one evaluation in three ways.

    python benchmarks/overlap.py --problems 40 --latency 0.02 --endless 0.05
    python benchmarks/overlap.py --problems 8 --model smollm2-135m-instruct --max-new-tokens 64

An engine with a fixed latency stands in for a model on a GPU or on other machines: it takes no
processor. Longest prompts come first, ``--burst`` at a time, as an engine with batches has them.
With ``--model`` a real model completes on this machine's processors, which the programs then share.
Every way runs the same programs and must end in the same report.

In the way "in order" a completion is held back until those of all earlier prompts are there.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from steadycode.config import Decoding
from steadycode.generation import complete as complete_with
from steadycode.generation.contract import Completion
from steadycode.models import load, resolve
from steadycode.problems import load_problems, select_problems
from steadycode.project import find_project
from steadycode.randomness import derive_seed
from steadycode.recode import Benchmark, build_benchmark
from steadycode.recode.evaluate import Complete, evaluate
from steadycode.recode.report import Report
from steadycode.sandbox import Limits, Sandbox

ENDLESS = "    while True:\n        pass\n"
WRONG = "    return None\n"
NAMES = ("ChangeCharCase", "FuncRenameCamelCase", "VarRenamerNaive", "new_lines")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--problems", type=int, default=40, help="of HumanEval")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds for one completion")
    parser.add_argument("--burst", type=int, default=1, help="completions that come at once")
    parser.add_argument("--endless", type=float, default=0.05, help="share of programs")
    parser.add_argument("--limit", type=float, default=3.0, help="CPU seconds of a program")
    parser.add_argument("--model", default=None, help="completes instead of the stand-in")
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    benchmark = build_benchmark(select_problems(load_problems("humaneval"), options.problems, 0),
                                NAMES, seeds=1)  # fmt: skip
    complete = _model(options) if options.model else _stand_in(benchmark, options)
    console = Console()
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {benchmark.summary},"
        f" load before {os.getloadavg()[0]:.2f}"
    )
    rounds = [_round(benchmark, complete, options.limit) for _ in range(options.rounds)]
    table = Table("seconds", *(f"round {number + 1}" for number in range(options.rounds)))
    for what in rounds[0]:
        table.add_row(what, *(f"{seconds[what]:.2f}" for seconds in rounds))
    console.print(table)


def _round(benchmark: Benchmark, complete: Complete, limit: float) -> dict[str, float]:
    prompts = list(dict.fromkeys(problem.prompt for _, problem in benchmark.cases()))
    seconds: dict[str, float] = {}
    reports: dict[str, Report] = {}
    with Sandbox(Limits(seconds=limit)) as sandbox:

        def timed(name: str, engine: Complete) -> float:
            began = time.perf_counter()
            reports[name], _ = evaluate(benchmark, engine, sandbox.judge)
            return time.perf_counter() - began

        began = time.perf_counter()
        recorded = list(complete(prompts))
        seconds["completions alone"] = time.perf_counter() - began
        seconds["programs alone"] = timed("one after the other", lambda _: iter(recorded))
        seconds["one after the other"] = sum(seconds.values())
        seconds["overlapped, in order"] = timed("in order", _in_order(complete))
        seconds["overlapped, in any order"] = timed("in any order", complete)
    verdicts = [
        [[verdict.status for verdict in outcome.verdicts] for outcome in report.outcomes]
        for report in reports.values()
    ]
    assert all(row == verdicts[0] for row in verdicts), "the ways differ in their verdicts"
    return seconds


def _in_order(complete: Complete) -> Complete:
    def ordered(prompts: Sequence[str]) -> Iterator[Completion]:
        early: dict[str, list[Completion]] = {}
        due = iter(prompts)
        prompt = next(due)
        for completion in complete(prompts):
            early.setdefault(completion.prompt, []).append(completion)
            while prompt in early:
                yield from early.pop(prompt)
                prompt = next(due, "")

    return ordered


def _stand_in(benchmark: Benchmark, options: argparse.Namespace) -> Complete:
    """An engine that waits and then yields right, wrong and endless programs, always the same."""
    known = {problem.prompt: problem for _, problem in benchmark.cases()}

    def text(prompt: str) -> str:
        chance = derive_seed(0, prompt) % 1000 / 1000
        if chance < options.endless:
            return ENDLESS
        return known[prompt].canonical_solution if chance < 0.5 else WRONG

    def complete(prompts: Sequence[str]) -> Iterable[Completion]:
        waiting = sorted(prompts, key=len, reverse=True)
        while waiting:
            now, waiting = waiting[: options.burst], waiting[options.burst :]
            time.sleep(options.latency * len(now))
            for prompt in now:
                yield Completion(prompt=prompt, sample=0, text=text(prompt),
                                 finish_reason="function_end", mean_logprob=None)  # fmt: skip

    return complete


def _model(options: argparse.Namespace) -> Callable[[Sequence[str]], Iterator[Completion]]:
    project = find_project()
    project.prepare_environment()
    model = load(Path(resolve(options.model, project)), "float32")
    decoding = Decoding(max_new_tokens=options.max_new_tokens)
    return lambda prompts: complete_with(model, prompts, decoding)


if __name__ == "__main__":
    main()
