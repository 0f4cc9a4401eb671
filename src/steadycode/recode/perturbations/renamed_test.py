"""What a renaming has to change in a problem's test, read as a program of its own."""

import ast
import re
from collections.abc import Mapping

from steadycode.errors import DataError
from steadycode.problems import Problem
from steadycode.recode.source import Edit, Source, Span, changed


def program_of_test(problem: Problem) -> Source:
    """Returns the problem's test as a program. Raises DataError when it is not Python."""
    test = Source(changed(problem, prompt="", canonical_solution=problem.test))
    try:
        assert test.tree
    except DataError as error:
        fault = f"{problem.task_id}: the test is not valid Python ({error.__cause__ or error})"
        raise DataError(f"{fault}; mend the problem") from error
    return test


def with_keywords(problem: Problem, names: Mapping[str, str]) -> str:
    """Returns the test after parameters got other names, old to new.

    Only the keywords follow by which it calls the function, as ``candidate`` or by its own name.
    """
    if not any(re.search(rf"\b{re.escape(name)}\s*=", problem.test) for name in names):
        return problem.test
    test = program_of_test(problem)
    keywords = [
        keyword
        for node in ast.walk(test.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("candidate", problem.entry_point)
        for keyword in node.keywords
    ]
    edits = []
    for keyword in keywords:
        if keyword.arg and keyword.arg in names:
            start = test.span(keyword).start
            edits.append(Edit(Span(start, start + len(keyword.arg)), names[keyword.arg]))
    return test.edited(edits).canonical_solution
