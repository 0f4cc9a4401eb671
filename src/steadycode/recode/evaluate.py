"""One model on one benchmark: completions in, programs run, a report out."""

from collections.abc import Callable, Iterable, Sequence

from steadycode.config import Style
from steadycode.errors import EvidenceError
from steadycode.generation.contract import Completion
from steadycode.recode.benchmark import Benchmark
from steadycode.recode.judging import judging
from steadycode.recode.programs import program
from steadycode.recode.report import Report, build_report
from steadycode.sandbox.contract import Judge, Verdict

Complete = Callable[[Sequence[str]], Iterable[Completion]]
"""A function that takes distinct prompts and gives one or more samples for each, in any order."""


def evaluate(
    benchmark: Benchmark,
    complete: Complete,
    judge: Judge,
    *,
    style: Style = "completion",
    total_problems: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Report, list[Completion]]:
    """Complete every distinct prompt once, run every program, and report.

    ``judge`` runs the programs, e.g. ``Sandbox.judge`` of an open sandbox. Programs run while
    completions are still coming, and ``complete`` never waits for a verdict.
    ``total_problems`` is the size of the problem set, of which the benchmark may be a subset.
    ``on_progress(done, total)`` counts verdicts, and is called in another thread than this one. The
    completions are returned in the order of the prompts, then of the samples. Raises EvidenceError
    when ``complete`` leaves out a prompt or gives prompts different numbers of samples.
    """
    cases = list(benchmark.cases())
    places: dict[str, list[int]] = {}
    for number, (_, problem) in enumerate(cases):
        places.setdefault(problem.prompt, []).append(number)
    completions: dict[tuple[str, int], Completion] = {}
    verdicts: dict[tuple[int, int], Verdict] = {}
    samples = 1

    def take(key: tuple[int, int], verdict: Verdict) -> None:
        verdicts[key] = verdict
        if on_progress:
            on_progress(len(verdicts), len(cases) * samples)

    with judging(judge, take) as hand:
        for completion in complete(list(places)):
            if completion.prompt not in places:
                raise EvidenceError("the engine completed a prompt that it was not given")
            completions[completion.prompt, completion.sample] = completion
            samples = max(samples, completion.sample + 1)
            for number in places[completion.prompt]:
                written = program(cases[number][1], completion.text, style)
                hand((number, completion.sample), written)
    _check_complete(completions, places, samples)
    if missing := len(cases) * samples - len(verdicts):
        raise EvidenceError(f"the judge left out {missing} verdicts; every program needs one")
    rows = [tuple(verdicts[case, n] for n in range(samples)) for case in range(len(cases))]
    report = build_report(benchmark, rows, total_problems, seed)
    return report, [completions[p, sample] for p in places for sample in range(samples)]


def _check_complete(
    completions: dict[tuple[str, int], Completion], prompts: Iterable[str], samples: int
) -> None:
    missing = sum((p, sample) not in completions for p in prompts for sample in range(samples))
    if missing:
        raise EvidenceError(
            f"the engine left out {missing} completions; every prompt needs {samples} samples"
        )
