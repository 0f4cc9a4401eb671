"""A ``for`` loop as the ``while`` loop that does the same.

What is added stands before the loop's body, so that what is left to write stays the same. Only a
loop that the prompt shows as a whole counts at its end, as people do.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from tokenize import COMMENT

from steadycode.problems import Problem
from steadycode.recode.perturbations.liveness import has_continue, mentions, outlives
from steadycode.recode.perturbations.scopes import (
    bound_names,
    free_name,
    keeps,
    reads_names,
    statements,
)
from steadycode.recode.perturbations.sequences import is_sequence, is_steady
from steadycode.recode.source import Edit, Function, Source, Span
from steadycode.recode.variant import Context

_NO_BOUND = ast.Starred | ast.Yield | ast.YieldFrom
_PLAIN = ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript | ast.BinOp


@dataclass(frozen=True, slots=True)
class _Loop:
    """A loop and how it is laid out.

    ``header`` goes from ``for`` to its colon, ``target`` and ``iterable`` are the texts of its two
    parts. ``body`` is the indentation of its statements, which may follow the header on
    ``one_line``.
    """

    source: Source
    node: ast.For
    header: Span
    target: str
    iterable: str
    body: str
    one_line: bool

    @property
    def indent(self) -> str:
        return self.source.indentation(self.header.start)

    @property
    def end(self) -> int:
        """The end of the line that its body ends in."""
        return self.source.line_end(self.source.span(self.node.body[-1]).end)

    @property
    def is_shown(self) -> bool:
        """Whether the prompt shows it as a whole."""
        return self.end <= self.source.cut

    @property
    def is_plain(self) -> bool:
        """Whether its target is a name without parentheses."""
        return isinstance(self.node.target, ast.Name) and self.target == self.node.target.id


@dataclass(frozen=True, slots=True)
class _While:
    """The lines ``before`` the new loop, its condition, and lines to add to its body."""

    before: tuple[str, ...]
    condition: str
    first: tuple[str, ...] = ()
    last: str = ""


def for_to_while(problem: Problem, context: Context) -> Problem:
    """Rewrites the first loop that the prompt shows and that certainly can be rewritten.

    A loop that can count is taken before one that needs an iterator, which few people would write.
    """
    source = Source(problem)
    if reads_names(source):
        return problem
    parsed = (_parsed(source, node) for node in _loops(source.target))
    loops = [loop for loop in parsed if loop is not None]
    for rewrite in (lambda loop: _counting(loop) or _indexing(loop), _iterating):
        for loop in loops:
            rewritten = rewrite(loop)
            if rewritten is not None:
                return source.edited(_edits(loop, rewritten))
    return problem


def _loops(function: Function) -> Iterator[ast.For]:
    """Yields the loops of the function and of functions inside it, in the order of the text."""
    for statement in statements(function):
        if isinstance(statement, ast.For):
            yield statement
        elif isinstance(statement, Function):
            yield from _loops(statement)


def _parsed(source: Source, node: ast.For) -> _Loop | None:
    """Returns None for a header that the prompt cuts, or that is laid out in an unusual way."""
    span, target, iterable = (source.span(n) for n in (node, node.target, node.iter))
    word_in = next(t for t in source.tokens if t.text == "in" and t.span.start >= target.end)
    colon = next(t for t in source.tokens if t.text == ":" and t.span.start >= iterable.end)
    header = Span(span.start, colon.span.end)
    between = source.text[span.start + len("for") : word_in.span.start]
    text = source.text[word_in.span.end : colon.span.start]
    if header.end > source.cut or "\n" in between or "\\\n" in text:
        return None
    if any(t.kind == COMMENT and span.start < t.span.start < header.end for t in source.tokens):
        return None
    if source.text[: source.line_start(span.start)].endswith("\\\n"):
        return None
    first = source.span(node.body[0]).start
    gap = source.text[header.end : first]
    if "\\\n" in gap:
        return None
    one_line = "\n" not in gap
    unit = source.body_indent or "    "
    body = source.indentation(span.start) + unit if one_line else source.indentation(first)
    return _Loop(source, node, header, between.strip(), text.strip(), body, one_line)


def _edits(loop: _Loop, new: _While) -> list[Edit]:
    source = loop.source
    lines = [*new.before, f"while {new.condition}:"]
    head = f"\n{loop.indent}".join(lines)
    body = "".join(f"{loop.body}{line}\n" for line in new.first)
    if loop.one_line:
        first = source.span(loop.node.body[0]).start
        edits = [Edit(Span(loop.header.start, first), f"{head}\n{body}{loop.body}")]
    else:
        after = source.text.index("\n", loop.header.end) + 1
        edits = [Edit(loop.header, head), *([Edit(Span(after, after), body)] if body else [])]
    if new.last:
        edits.append(Edit(Span(loop.end, loop.end), f"\n{loop.body}{new.last}"))
    return edits


def _counting(loop: _Loop) -> _While | None:
    """Rewrites ``for i in range(start, stop, step)``.

    The loop's variable counts itself where nobody can notice; else there is a counter beside it.
    """
    bounds = _range_bounds(loop)
    if bounds is None:
        return None
    start, stop, step = bounds
    source, name = loop.source, loop.target
    ahead = "<" if step > 0 else ">"
    change = f"{'+' if step > 0 else '-'}= {abs(step)}"
    steady = is_steady(source, loop.node, stop)
    limit = _text(source, stop) if steady else free_name(source, "end", "stop", "limit")
    fixed = () if steady else (f"{limit} = {_text(source, stop)}",)
    begin = _text(source, start) if start is not None else "0"
    if _may_count_itself(loop) and (steady or not mentions(stop, name)):
        before = (f"{name} = {begin}", *fixed)
        return _While(before, f"{name} {ahead} {limit}", last=f"{name} {change}")
    counter = free_name(source, "index", "position", "counter")
    return _While(
        (f"{counter} = {begin}", *fixed),
        f"{counter} {ahead} {limit}",
        first=(f"{name} = {counter}", f"{counter} {change}"),
    )


def _range_bounds(loop: _Loop) -> tuple[ast.expr | None, ast.expr, int] | None:
    """Returns start, stop and step of a loop over a plain ``range``, and None for any other.

    The start is None where ``range`` has just a stop.
    """
    call = loop.node.iter
    if not isinstance(call, ast.Call) or not keeps(loop.source, ["range", "len"]):
        return None
    if "\n" in loop.iterable or any(isinstance(argument, _NO_BOUND) for argument in call.args):
        return None
    match call:
        case ast.Call(func=ast.Name(id="range"), args=[stop], keywords=[]):
            return None, stop, 1
        case ast.Call(func=ast.Name(id="range"), args=[start, stop], keywords=[]):
            return start, stop, 1
        case ast.Call(func=ast.Name(id="range"), args=[start, stop, third], keywords=[]) if (
            step := _integer(third)
        ):
            return start, stop, step
    return None


def _integer(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
    return None


def _indexing(loop: _Loop) -> _While | None:
    """Rewrites ``for x in xs`` and ``for i, x in enumerate(xs)`` where ``xs`` has indices."""
    source, node = loop.source, loop.node
    expression, item = node.iter, "{items}[{index}]"
    if not keeps(source, ["len", "enumerate"]) or "\n" in loop.iterable:
        return None
    match expression:
        case ast.Call(func=ast.Name(id="enumerate"), args=[argument], keywords=[]) if (
            isinstance(node.target, ast.Tuple) and len(node.target.elts) == 2
        ):
            expression, item = argument, "{index}, {items}[{index}]"
    if not is_sequence(source, expression):
        return None
    rebound = {*bound_names(node)}
    if isinstance(expression, ast.Name) and expression.id not in rebound:
        items, before = expression.id, list[str]()
    else:
        items = free_name(source, "items", "sequence")
        inner = source.text_of(source.span(expression))
        before = [f"{items} = {loop.iterable if expression is node.iter else inner}"]
    index = free_name(source, "index", "position", "counter")
    before.append(f"{index} = 0")
    take = f"{loop.target} = " + item.format(items=items, index=index)
    condition, count = f"{index} < len({items})", f"{index} += 1"
    if loop.is_shown and not has_continue(node):
        return _While(tuple(before), condition, first=(take,), last=count)
    return _While(tuple(before), condition, first=(take, count))


def _iterating(loop: _Loop) -> _While | None:
    """Rewrites any other loop, with an iterator and a mark for its end that nothing else can be."""
    source = loop.source
    if not keeps(source, ["iter", "next", "object"]):
        return None
    items, end = free_name(source, "items", "iterator"), free_name(source, "end", "stop")
    iterable = loop.iterable
    if isinstance(loop.node.iter, ast.Tuple | ast.Yield | ast.YieldFrom):
        iterable = f"({iterable})"
    before = (f"{items} = iter({iterable})", f"{end} = object()")
    if loop.is_plain and not outlives(loop.source.target, loop.node):
        return _While(before, f"({loop.target} := next({items}, {end})) is not {end}")
    item = free_name(source, "item", "value")
    condition = f"({item} := next({items}, {end})) is not {end}"
    return _While(before, condition, first=(f"{loop.target} = {item}",))


def _may_count_itself(loop: _Loop) -> bool:
    """Says whether the loop's own variable can be the counter, changed at the end of the body."""
    return (
        loop.is_shown
        and loop.is_plain
        and not has_continue(loop.node)
        and not any(loop.target in bound_names(s) for s in loop.node.body + loop.node.orelse)
        and not outlives(loop.source.target, loop.node)
    )


def _text(source: Source, node: ast.expr) -> str:
    """Returns an expression's text, in parentheses where it would not stay one operand."""
    text = source.text_of(source.span(node))
    return text if isinstance(node, _PLAIN) or _integer(node) is not None else f"({text})"
