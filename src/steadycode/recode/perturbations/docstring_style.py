"""Docstrings with the sections that editors and linters ask for, from what the signature says."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations.prose import content, described, prose_lines
from steadycode.recode.source import Edit, Source, Span, parameters
from steadycode.recode.variant import Perturbation

_EXAMPLES_HEADING = re.compile(r"\s*(for\s+)?examples?\s*:?\s*$", re.I)

Parameter = tuple[str, str]
"""Name, with its stars, and annotation, empty where there is none."""

Sections = Callable[[list[Parameter], str], list[str]]
"""Lines for the parameters and the annotation of what is returned (empty: none)."""


def _google(parameters: list[Parameter], returns: str) -> list[str]:
    entries = [f"    {name} ({kind}):" if kind else f"    {name}:" for name, kind in parameters]
    return _sections(["Args:"], entries, ["Returns:", f"    {returns}:"] if returns else [])


def _numpy(parameters: list[Parameter], returns: str) -> list[str]:
    entries = [f"{name} : {kind}" if kind else name for name, kind in parameters]
    heading = ["Parameters", "----------"]
    return _sections(heading, entries, ["Returns", "-------", returns] if returns else [])


def _sections(heading: list[str], entries: list[str], returned: list[str]) -> list[str]:
    first = heading + entries if entries else []
    return [*first, *([""] if first and returned else []), *returned]


def _rest(parameters: list[Parameter], returns: str) -> list[str]:
    lines = []
    for name, kind in parameters:
        bare = name.replace("*", r"\*")
        lines += [f":param {bare}:", *([f":type {bare}: {kind}"] if kind else [])]
    return [*lines, ":return:", *([f":rtype: {returns}"] if returns else [])]


def _add_sections(sections: Sections, problem: Problem, random: Random) -> Problem:
    """The sections after the description: before the closing block of doctests, or at the end."""
    source = Source(problem)
    span = source.docstring
    if span is None or not described(source) or not source.begins_line(span.start):
        return problem
    lines = sections(list(_parameters(source)), _annotation(source, source.target.returns))
    inside = content(source)
    if inside.start - span.start < 3:  # quotes that hold one line only
        return problem
    if not lines or not source.text[inside.start : inside.end].strip():
        return problem
    indent = source.indentation(span.start)
    if any("\\" in line for line in lines) and "r" not in source.text[span.start : inside.start]:
        lines = [line.replace("\\", r"\\") for line in lines]
    block = "\n".join(indent + line if line else "" for line in lines)
    at = _examples_start(source, inside)
    before = source.text[inside.start : at].rstrip()
    place = Span(inside.start + len(before), at)
    if at == inside.end:
        return source.edited([Edit(place, f"\n\n{block}\n{indent}")])
    return source.edited([Edit(place, f"\n\n{block}\n\n" if before else f"\n{block}\n\n")])


def _parameters(source: Source) -> Iterator[Parameter]:
    given = source.target.args
    for parameter in parameters(source.target):
        stars = "*" if parameter is given.vararg else "**" if parameter is given.kwarg else ""
        yield stars + parameter.arg, _annotation(source, parameter.annotation)


def _annotation(source: Source, node: ast.expr | None) -> str:
    """The annotation on one line; quotes are left off, as a docstring may be quoted alike."""
    if node is None:
        return ""
    span = source.span(node)
    return re.sub(r"\s+", " ", source.text[span.start : span.end]).replace('"', "").replace("'", "")


def _examples_start(source: Source, inside: Span) -> int:
    """Where the block of doctests, with its heading, begins that the docstring ends in."""
    first = re.compile(r"^[ \t]*>>>", re.M).search(source.text, inside.start, inside.end)
    if first is None or any(line.start > first.start() for line in prose_lines(source)):
        return inside.end
    at = source.line_start(first.start())
    before = source.text[inside.start : at].rstrip().rpartition("\n")[2]
    if _EXAMPLES_HEADING.match(before):
        at = inside.start + source.text[inside.start : at].rstrip().rfind("\n") + 1
    return at if at > inside.start else inside.end


STYLES: dict[str, Perturbation] = {
    "DocstringGoogleStyle": partial(_add_sections, _google),
    "DocstringNumpyStyle": partial(_add_sections, _numpy),
    "DocstringRestStyle": partial(_add_sections, _rest),
}
