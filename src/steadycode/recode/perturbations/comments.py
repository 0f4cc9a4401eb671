"""What stands round the code without being code: comments, and the docstring's quotes."""

import re
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations.dead_code import places
from steadycode.recode.perturbations.format import comment_lines
from steadycode.recode.perturbations.prose import described
from steadycode.recode.source import Edit, Source, Span

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


def remark(problem: Problem, random: Random) -> Problem:
    """A comment such as ``# TODO: add tests`` before a given statement of the body."""
    source = Source(problem)
    found = places(source)
    if not found:
        return problem
    place = random.choice(found)
    comment = f"{place.indent}# {random.choice(_REMARKS)}\n"
    return source.edited([Edit(Span(place.offset, place.offset), comment)])


def docstring_above(problem: Problem, random: Random) -> Problem:
    """The docstring becomes comments above the definition, as in languages without docstrings."""
    source = Source(problem)
    found = comment_lines(source)
    if found is None or len(source.target.body) == 1:
        return problem
    block, lines = found
    first = min([source.target, *source.target.decorator_list], key=lambda node: node.lineno)
    at = source.line_start(source.span(first).start)
    comments = "".join(f"{line}\n" for line in lines)
    return source.edited([Edit(Span(at, at), comments), Edit(block, "")])


def other_quotes(problem: Problem, random: Random) -> Problem:
    """Three double quotes round the docstring become three single ones, and the other way round."""
    source = Source(problem)
    span = source.docstring
    if span is None or not described(source):
        return problem
    match = re.fullmatch(r"([A-Za-z]*)(\"\"\"|''')(.*)\2", source.text[span.start : span.end], re.S)
    if match is None:
        return problem
    prefix, quotes, inside = match.groups()
    new = "'''" if quotes == '"""' else '"""'
    if new in inside or inside.endswith((new[0], "\\")):
        return problem
    return source.edited([Edit(span, prefix + new + inside + new)])
