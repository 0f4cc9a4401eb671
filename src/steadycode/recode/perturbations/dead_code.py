"""A block that never runs, with a copy of a statement of the function as its body."""

import ast
import io
import tokenize
from dataclasses import dataclass
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations.scopes import keeps, statements
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Context

_SPACE = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)
_UNCOPIED = (
    ast.Break | ast.Continue | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal | ast.Yield | ast.YieldFrom
)  # fmt: skip
"""What means something else to the compiler in another block, or makes the function another one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line of its own with the indentation ``indent`` can be put."""

    offset: int
    indent: str


def insert(problem: Problem, context: Context) -> Problem:
    """Inserts dead code before any statement that is shown, or at the end of the prompt."""
    source = Source(problem)
    possible = places(source)
    if not possible:
        return problem
    return _inserted(source, context.random.choice(possible), context.random)


def insert_last(problem: Problem, context: Context) -> Problem:
    """Inserts dead code at the end of the prompt, or before the last statement if it must end."""
    source = Source(problem)
    last = max(places(source), key=lambda place: place.offset, default=None)
    return _inserted(source, last, context.random) if last else problem


def _inserted(source: Source, place: Place, random: Random) -> Problem:
    nodes = [node for node in statements(source.target) if _can_copy(source, node)]
    body = _lines_of(source, random.choice(nodes)) if nodes else ["pass"]
    counters = [name for digit in range(10) if (name := f"_i_{digit}") not in source.names]
    heads = ["if False:", "while False:"]
    if counters and keeps(source, ["range"]):
        heads.append(f"for {random.choice(counters)} in range(0):")
    unit = source.body_indent or "    "
    lines = [place.indent + random.choice(heads)]
    lines += [place.indent + unit + line if line.strip() else "" for line in body]
    return source.edited([Edit(Span(place.offset, place.offset), "\n".join(lines) + "\n")])


def places(source: Source) -> list[Place]:
    """Returns where a line can be put: before each shown statement of the body, and at the cut.

    They are in the order of the text.
    """
    declared = [
        source.span(node).end  # a name may not be used before its declaration
        for node in statements(source.target)
        if isinstance(node, ast.Global | ast.Nonlocal)
    ]
    after = max([source.body_start, *declared])
    starts = {source.span(node).start: node for node in statements(source.target)}
    at_cut = _first_after_cut(source)
    possible = set[Place]()
    for start, node in starts.items():
        if start >= after and _can_follow(source, node, start):
            if start < source.cut:
                possible.add(Place(source.line_start(start), source.indentation(start)))
            elif start == at_cut:
                possible.add(Place(source.cut, source.indentation(start)))
    return sorted(possible, key=lambda place: place.offset)


def _can_follow(source: Source, node: ast.stmt, start: int) -> bool:
    """Says whether the statement begins a line before which another statement may stand."""
    is_decorated = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
        node.decorator_list
    )
    return (
        source.begins_line(start)
        and not is_decorated  # it starts at its def, below the decorators
        and not source.text.startswith("elif", start)
        and not source.text[: source.line_start(start)].endswith("\\\n")
    )


def _first_after_cut(source: Source) -> int | None:
    """Returns where the code after the cut begins, if the cut lies between two statements."""
    if source.text[: source.cut][-1:] != "\n":
        return None
    tokens = [token for token in source.tokens if token.kind not in _SPACE]
    before = [token for token in tokens if token.span.start < source.cut]
    if not before or before[-1].kind != tokenize.NEWLINE:
        return None
    return next((t.span.start for t in tokens if t.span.start >= source.cut), None)


def _can_copy(source: Source, node: ast.stmt) -> bool:
    """Says whether a statement is shown whole, on lines of its own, and may stand elsewhere."""
    span = source.span(node)
    if not source.body_start <= span.start < span.end <= source.cut:
        return False
    rest = source.text[span.end : source.line_end(span.end)].partition("#")[0]
    return (
        not rest.strip()
        and source.begins_line(span.start)
        and _can_follow(source, node, span.start)
        and not any(isinstance(n, _UNCOPIED) or _is_long_string(n) for n in ast.walk(node))
    )


def _is_long_string(node: ast.AST) -> bool:
    """Recognises a string over several lines, which indentation would change."""
    match node:
        case ast.JoinedStr() | ast.Constant(value=str() | bytes()):
            return node.lineno != node.end_lineno
    return False


def _lines_of(source: Source, node: ast.stmt) -> list[str]:
    """Returns the statement's lines without the indentation of the first one."""
    span = source.span(node)
    indent = source.indentation(span.start)
    first, *rest = io.StringIO(source.text_of(span))
    return [first.rstrip("\n"), *(line.removeprefix(indent).rstrip("\n") for line in rest)]
