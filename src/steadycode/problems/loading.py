"""Loads the problems of a source row by row, and names what is wrong by file and line."""

from collections.abc import Callable
from contextlib import suppress

from steadycode.errors import DataError
from steadycode.json_lines import decoded
from steadycode.problems.files import lines, problem_file
from steadycode.problems.problem import Problem, check_problem, parse_problem

_TOLD = 10  # a file of another kind has as many faults as rows


def load_problems(
    source: str,
    on_fault: Callable[[str], None] | None = None,
    *,
    check_programs: bool = True,
) -> list[Problem]:
    """Load the problems of a source, which is named as for ``problem_file``.

    A row holds a Problem's fields, or those of the original MBPP. ``on_fault`` is told of the first
    ten wrong rows (file, line, what is wrong, what to do) and then how many more there are, and the
    others are loaded; without ``on_fault`` the first wrong row raises DataError.
    ``check_programs=False`` takes programs and tests as they are, for published sets that are known
    to hold damage. Raises DataError also for a source that cannot be read, and when no row is left.
    """
    path = problem_file(source)
    problems: list[Problem] = []
    first: dict[str, str] = {}
    rows, faults = 0, list[str]()
    for where, line in lines(path):
        rows += 1
        try:
            problem = _problem(line, where)
            if check_programs:
                check_problem(problem, where)
            if before := first.get(problem.task_id):
                raise DataError(
                    f"{where}: task_id {problem.task_id!r} occurs twice, first at {before};"
                    " make it unique"
                )
        except DataError as fault:
            if on_fault is None:
                raise
            faults.append(str(fault))
            if len(faults) <= _TOLD:
                on_fault(faults[-1])
        else:
            first[problem.task_id] = where
            problems.append(problem)
    if on_fault and len(faults) > _TOLD:
        on_fault(f"{path}: {len(faults) - _TOLD} more of {rows} rows are wrong")
    if not problems:
        why = f": all its {rows} rows are wrong, the first: {faults[0]}" if rows else ""
        raise DataError(f"{path} holds no problem{why or '; name another source'}")
    return problems


def locate(source: str) -> dict[str, str]:
    """The place of each task's row (``file:line``) by task_id, for faults that only a run shows.

    When several rows have the same task_id, the one that is loaded counts. Raises DataError as
    ``problem_file`` does.
    """
    usable: dict[str, str] = {}
    damaged: dict[str, str] = {}
    for where, line in lines(problem_file(source)):
        with suppress(DataError):
            problem = _problem(line, where)
            damaged.setdefault(problem.task_id, where)
            check_problem(problem, where)
            usable.setdefault(problem.task_id, where)
    return damaged | usable


def _problem(line: bytes, where: str) -> Problem:
    return parse_problem(decoded(line, where), where)
