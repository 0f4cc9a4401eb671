"""What stands round the code without being code: comments, and the docstring's quotes."""

import re

from steadycode.problems import Problem
from steadycode.recode.perturbations.dead_code import places
from steadycode.recode.perturbations.format import comment_lines
from steadycode.recode.perturbations.prose import described
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Context

_REMARKS = (
    "TODO: add tests",
    "TODO: clean this up",
    "TODO: add logging",
    "TODO: handle bad input",
    "TODO: revisit this later",
    "TODO(team): review before the release",
    "FIXME: better names",
    "NOTE: keep in sync with the docs",
)
"""They say nothing of what the function is to do."""


def add_remark(problem: Problem, context: Context) -> Problem:
    """Puts a comment such as ``# TODO: add tests`` before a statement of the body that is shown."""
    source = Source(problem)
    possible = places(source)
    if not possible:
        return problem
    place = context.random.choice(possible)
    comment = f"{place.indent}# {context.random.choice(_REMARKS)}\n"
    return source.edited([Edit(Span(place.offset, place.offset), comment)])


def docstring_above(problem: Problem, context: Context) -> Problem:
    """Makes the docstring comments above the definition, as languages without docstrings do."""
    source = Source(problem)
    commented = comment_lines(source)
    if commented is None or len(source.target.body) == 1:
        return problem
    block, lines = commented
    first = min([source.target, *source.target.decorator_list], key=lambda node: node.lineno)
    at = source.line_start(source.span(first).start)
    comments = "".join(f"{line}\n" for line in lines)
    return source.edited([Edit(Span(at, at), comments), Edit(block, "")])


def other_quotes(problem: Problem, context: Context) -> Problem:
    """Puts three single quotes round the docstring instead of double ones, or the other way."""
    source = Source(problem)
    span = source.docstring
    if span is None or not described(source):
        return problem
    match = re.fullmatch(r"([A-Za-z]*)(\"\"\"|''')(.*)\2", source.text_of(span), re.S)
    if match is None:
        return problem
    prefix, quotes, inside = match.groups()
    new = "'''" if quotes == '"""' else '"""'
    if new in inside or inside.endswith((new[0], "\\")):
        return problem
    return source.edited([Edit(span, prefix + new + inside + new)])
