"""Verifies problems before a model meets them: what can't be passed, or can't be failed, measures
nothing."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steadycode.errors import DataError
from steadycode.problems import Problem
from steadycode.recode.programs import reference
from steadycode.recode.stubs import accepting
from steadycode.sandbox.contract import Judge, Verdict

Why = Literal["can't be passed here", "can't be failed"]
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a problem is left out, for every model alike; ``detail`` is a sentence for its author."""

    why: Why
    detail: str


def verify(
    problems: Sequence[Problem], judge: Judge, give_up: int | None = None
) -> dict[str, LeftOut]:
    """The problems, by task, that can measure nothing: those whose own solution does not pass, and
    those whose test accepts any program (``stubs.accepting``).

    After ``give_up`` solutions that do not pass, what is known by then is returned.
    """
    failing: dict[int, Verdict] = {}
    for number, verdict in judge(enumerate(map(reference, problems))):
        if verdict.status != "passed":
            failing[number] = verdict
        if give_up is not None and len(failing) >= give_up:
            break
    left_out = {number: _unpassable(problems[number], failing[number]) for number in failing}
    if give_up is None or len(failing) < give_up:
        rest = [number for number in range(len(problems)) if number not in failing]
        careless = accepting([problems[number] for number in rest], judge)
        left_out |= {rest[number]: _ACCEPTS for number in careless}
    return {problems[number].task_id: left_out[number] for number in sorted(left_out)}


_ACCEPTS = LeftOut(
    "can't be failed",
    "the test accepts any program, ones that solve nothing too; let check assert what candidate"
    " returns or does",
)


def require_most(left_out: Mapping[str, LeftOut], count: int, places: Mapping[str, str]) -> None:
    """Raise DataError, in one line, when most of ``count`` problems can't be passed here, or no
    problem is left. ``places`` gives the place of a task's row (``file:line``)."""
    unpassable = {t: row for t, row in left_out.items() if row.why == "can't be passed here"}
    if 2 * len(unpassable) <= count and len(left_out) < count:
        return
    told = unpassable if 2 * len(unpassable) > count else left_out
    detail, times = Counter(row.detail for row in told.values()).most_common(1)[0]
    first = next(task for task, row in told.items() if row.detail == detail)
    many = f"{times} times, " if times > 1 else ""
    raise DataError(
        f"at least {len(told)} of {count} problems {told[first].why}, so that nothing is measured;"
        f" {many}first at {places.get(first, first)}: {detail}"
    )


def faults(left_out: Mapping[str, LeftOut], places: Mapping[str, str]) -> Iterator[str]:
    """A line for each of the first problems that are left out, with its row's place, and at last
    one that counts the others."""
    for task_id, row in list(left_out.items())[:_SHOWN]:
        yield f"{places.get(task_id, task_id)}: left out, {row.detail}"
    if len(left_out) > _SHOWN:
        yield f"and {len(left_out) - _SHOWN} more problems are left out"


def _unpassable(problem: Problem, verdict: Verdict) -> LeftOut:
    return LeftOut("can't be passed here", f"the reference solution {_cause(problem, verdict)}")


_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_STDIN = re.compile(r"\binput\(|\bsys\.stdin\b")
_BY_STATUS = {
    "timeout": "is too slow ({}); make it faster, or raise evaluate.limits.seconds",
    "out_of_memory": "needs too much memory ({}); make it smaller, or raise"
    " evaluate.limits.memory_mb",
    "blocked": "does what the sandbox refuses ({}); mend or drop the row",
    "unsupported": "needs what the sandbox does not have ({}); mend or drop the row",
    "crashed": "crashes ({}); mend or drop the row",
    "failed": "fails its own test ({}); mend or drop the row",
}


def _cause(problem: Problem, verdict: Verdict) -> str:
    """What the reference solution does instead of passing, and what its author can do."""
    detail = verdict.detail or verdict.status
    if missing := _MISSING.match(detail):
        return (
            f"or its test imports {missing[1]}, and programs may import Python's standard library"
            " only; mend or drop the row"
        )
    if "File too large" in detail:
        return f"writes too large a file ({detail}); raise evaluate.limits.files_mb"
    program = problem.prompt + problem.canonical_solution
    if verdict.status == "failed" and _STDIN.search(program):
        return f"reads standard input, which is empty here ({detail}); take it as arguments"
    return _BY_STATUS[verdict.status].format(detail)
