"""Docstrings with the sections that editors and linters ask for, from what the signature says."""

import ast
import re
from collections.abc import Callable, Iterator

from steadycode.problems import Problem
from steadycode.recode.perturbations.prose import content, described, prose_lines
from steadycode.recode.source import Edit, Source, Span, parameters
from steadycode.recode.variant import Context, Rule

_EXAMPLES_HEADING = re.compile(r"\s*(for\s+)?examples?\s*:?\s*$", re.I)
_FIRST_EXAMPLE = re.compile(r"^[ \t]*>>>", re.M)

Parameter = tuple[str, str]
"""A parameter's name, with its stars, and its annotation, which is empty where there is none."""

Sections = Callable[[list[Parameter], str], list[str]]
"""Returns lines for the parameters and for the annotation of the result; that may be empty."""


def google(parameters: list[Parameter], returns: str) -> list[str]:
    """Returns the sections ``Args:`` and ``Returns:`` of Google's style guide."""
    entries = [f"    {name} ({kind}):" if kind else f"    {name}:" for name, kind in parameters]
    return _sections(["Args:"], entries, ["Returns:", f"    {returns}:"] if returns else [])


def numpy(parameters: list[Parameter], returns: str) -> list[str]:
    """Returns the underlined sections of NumPy's style guide."""
    entries = [f"{name} : {kind}" if kind else name for name, kind in parameters]
    heading = ["Parameters", "----------"]
    return _sections(heading, entries, ["Returns", "-------", returns] if returns else [])


def _sections(heading: list[str], entries: list[str], returned: list[str]) -> list[str]:
    first = heading + entries if entries else []
    return [*first, *([""] if first and returned else []), *returned]


def rest(parameters: list[Parameter], returns: str) -> list[str]:
    """Returns the fields of reStructuredText that Sphinx reads."""
    lines = []
    for name, kind in parameters:
        bare = name.replace("*", r"\*")
        lines += [f":param {bare}:", *([f":type {bare}: {kind}"] if kind else [])]
    return [*lines, ":return:", *([f":rtype: {returns}"] if returns else [])]


def add(sections: Sections) -> Rule:
    """Returns the rule that adds sections: before the closing doctests, else at the end."""

    def rule(problem: Problem, context: Context) -> Problem:
        source = Source(problem)
        span = source.docstring
        if span is None or not described(source) or not source.begins_line(span.start):
            return problem
        inside = content(source)
        if inside.start - span.start < 3:  # quotes that hold one line only
            return problem
        lines = sections(list(_parameters(source)), _annotation(source, source.target.returns))
        if not lines or not source.text_of(inside).strip():
            return problem
        is_raw = "r" in source.text[span.start : inside.start]
        lines = lines if is_raw else [line.replace("\\", r"\\") for line in lines]
        return source.edited([_inserted(source, inside, lines)])

    return rule


def _inserted(source: Source, inside: Span, lines: list[str]) -> Edit:
    assert source.docstring is not None
    indent = source.indentation(source.docstring.start)
    block = "\n".join(indent + line if line else "" for line in lines)
    at = _examples_start(source, inside)
    before = source.text[inside.start : at].rstrip()
    place = Span(inside.start + len(before), at)
    if at == inside.end:
        return Edit(place, f"\n\n{block}\n{indent}")
    return Edit(place, f"\n\n{block}\n\n" if before else f"\n{block}\n\n")


def _parameters(source: Source) -> Iterator[Parameter]:
    arguments = source.target.args
    for parameter in parameters(source.target):
        is_keywords = parameter is arguments.kwarg
        stars = "*" if parameter is arguments.vararg else "**" if is_keywords else ""
        yield stars + parameter.arg, _annotation(source, parameter.annotation)


def _annotation(source: Source, node: ast.expr | None) -> str:
    """Returns the annotation on one line, without quotes, as the docstring may be quoted alike."""
    if node is None:
        return ""
    return re.sub(r"\s+", " ", source.text_of(source.span(node))).replace('"', "").replace("'", "")


def _examples_start(source: Source, inside: Span) -> int:
    """Returns where the doctests at the end of the docstring begin, with their heading.

    It returns the docstring's end where prose follows the first doctest, or where there is none.
    """
    first = _FIRST_EXAMPLE.search(source.text, inside.start, inside.end)
    if first is None or any(line.start > first.start() for line in prose_lines(source)):
        return inside.end
    at = source.line_start(first.start())
    before = source.text[inside.start : at].rstrip()
    if _EXAMPLES_HEADING.match(before.rpartition("\n")[2]):
        at = inside.start + before.rfind("\n") + 1
    return at if at > inside.start else inside.end
