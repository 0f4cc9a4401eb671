"""The partial prompt: half of the reference solution is given to the model too."""

import io

from steadycode.problems import Problem
from steadycode.recode.source import Source, changed


def partial(problem: Problem) -> Problem:
    """Returns the problem with the first half of the solution's lines moved into the prompt.

    Half is rounded down. Blank lines count. Lines are counted from the end of the docstring, or
    from the end of a prompt that shows some of the body already. A body of one line has no half:
    the problem comes back unchanged, which shows as equal prompts. ``prompt + canonical_solution``
    never changes. Raises DataError as Source does.
    """
    source = Source(problem)
    start = _hidden_start(source)
    lines = list(io.StringIO(source.text[start:]))
    if len(lines) < 2:
        return problem
    cut = start + sum(len(line) for line in lines[: len(lines) // 2])
    return changed(problem, prompt=source.text[:cut], canonical_solution=source.text[cut:])


def _hidden_start(source: Source) -> int:
    """Returns where the first line begins of which a model is shown nothing."""
    starts = (source.span(statement).start for statement in source.target.body)
    first = next((start for start in starts if start >= source.body_start), source.cut)
    if first >= source.cut:
        return source.body_start
    if source.begins_line(source.cut):
        return source.line_start(source.cut)
    return source.next_line(source.cut)
