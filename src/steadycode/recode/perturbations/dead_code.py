"""A block that never runs, with a given statement once more as its body."""

import ast
import io
import tokenize
from dataclasses import dataclass
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations.scopes import keeps, statements
from steadycode.recode.source import Edit, Source, Span

_SPACE = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)
_UNCOPIED = (
    ast.Break | ast.Continue | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal | ast.Yield | ast.YieldFrom
)  # fmt: skip
"""Means something else to the compiler inside another block, or makes it another function."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line of its own with this indentation can be put."""

    offset: int
    indent: str


def insert_dead_code(problem: Problem, random: Random) -> Problem:
    """Before any statement that is given, or at the end of what is given."""
    source = Source(problem)
    found = places(source)
    return _inserted(source, random.choice(found), random) if found else problem


def insert_dead_code_last(problem: Problem, random: Random) -> Problem:
    """At the end of what is given, or before the last statement where nothing can follow it."""
    source = Source(problem)
    last = max(places(source), key=lambda place: place.offset, default=None)
    return _inserted(source, last, random) if last else problem


def _inserted(source: Source, place: Place, random: Random) -> Problem:
    nodes = [node for node in statements(source.target) if _can_copy(source, node)]
    body = _lines_of(source, random.choice(nodes)) if nodes else ["pass"]
    counters = [name for digit in range(10) if (name := f"_i_{digit}") not in source.names]
    heads = ["if False:", "while False:"]
    if counters and keeps(source, ["range"]):
        heads.append(f"for {random.choice(counters)} in range(0):")
    unit = source.indentation(source.span(source.target.body[0]).start) or "    "
    lines = [place.indent + random.choice(heads)]
    lines += [place.indent + unit + line if line.strip() else "" for line in body]
    return source.edited([Edit(Span(place.offset, place.offset), "\n".join(lines) + "\n")])


def places(source: Source) -> list[Place]:
    """Before each given statement of the body, and at its end, in the order of the text."""
    declared = [
        source.span(node).end  # a name may not be used before its declaration
        for node in statements(source.target)
        if isinstance(node, ast.Global | ast.Nonlocal)
    ]
    after = max([source.body_start, *declared])
    starts = {source.span(node).start: node for node in statements(source.target)}
    at_cut = _first_after_cut(source)
    found = set[Place]()
    for start, node in starts.items():
        if start >= after and _can_follow(source, node, start):
            if start < source.cut:
                found.add(Place(source.line_start(start), source.indentation(start)))
            elif start == at_cut:
                found.add(Place(source.cut, source.indentation(start)))
    return sorted(found, key=lambda place: place.offset)


def _can_follow(source: Source, node: ast.stmt, start: int) -> bool:
    """Begins a line before which another statement may stand."""
    return (
        source.begins_line(start)
        and not getattr(node, "decorator_list", [])
        and not source.text.startswith("elif", start)
        and not source.text[: source.line_start(start)].endswith("\\\n")
    )


def _first_after_cut(source: Source) -> int | None:
    """Where the first thing after the cut begins, when the cut lies between two statements."""
    if source.text[: source.cut][-1:] != "\n":
        return None
    tokens = [token for token in source.tokens if token.kind not in _SPACE]
    before = [token for token in tokens if token.span.start < source.cut]
    if not before or before[-1].kind != tokenize.NEWLINE:
        return None
    return next((t.span.start for t in tokens if t.span.start >= source.cut), None)


def _can_copy(source: Source, node: ast.stmt) -> bool:
    """Given as a whole, on lines of its own, and means the same in another block."""
    span = source.span(node)
    if not source.body_start <= span.start < span.end <= source.cut:
        return False
    rest = source.text[span.end :].partition("\n")[0].partition("#")[0]
    return (
        not rest.strip()
        and source.begins_line(span.start)
        and _can_follow(source, node, span.start)
        and not any(isinstance(n, _UNCOPIED) or _is_long_string(n) for n in ast.walk(node))
    )


def _is_long_string(node: ast.AST) -> bool:
    """A string over several lines: indenting would change it."""
    text = isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )
    return text and node.lineno != node.end_lineno  # type: ignore[attr-defined]


def _lines_of(source: Source, node: ast.stmt) -> list[str]:
    """The statement's lines without the indentation of its first one."""
    span = source.span(node)
    indent = source.indentation(span.start)
    first, *rest = io.StringIO(source.text[span.start : span.end])
    return [first.rstrip("\n"), *(line.removeprefix(indent).rstrip("\n") for line in rest)]
