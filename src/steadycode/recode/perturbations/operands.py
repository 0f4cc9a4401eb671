"""A comparison the other way round: ``a < b`` becomes ``b > a``."""

import ast
from collections.abc import Iterator

from steadycode.problems import Problem
from steadycode.recode.perturbations.scopes import bound_names
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Context

_MIRRORED: dict[type[ast.cmpop], str] = {
    ast.Lt: ">", ast.Gt: "<", ast.LtE: ">=", ast.GtE: "<=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_USING_UP = frozenset(("sum", "min", "max", "sorted"))
"""Calls that change nothing, but use up an argument that is an iterator."""
_PURE_CALLS = frozenset(("len", "abs", "ord", "chr", "int", "str", "float", "round")) | _USING_UP
_PURE = (
    ast.Name | ast.Constant | ast.UnaryOp | ast.BinOp | ast.Attribute | ast.Subscript
    | ast.Slice | ast.Tuple | ast.List | ast.expr_context | ast.operator | ast.unaryop
)  # fmt: skip


def swap_operands(problem: Problem, context: Context) -> Problem:
    """Turns round the first comparison of the prompt whose operands can trade places."""
    source = Source(problem)
    calls = _PURE_CALLS.difference(bound_names(source.tree))
    for node in _comparisons(source):
        if _can_swap(node, calls):
            edit = _swapped(source, node)
            if edit and edit.span.end <= source.cut:
                return source.edited([edit])
    return problem


def _comparisons(source: Source) -> list[ast.Compare]:
    """Returns the comparisons of the target's body, in the order of the text."""
    nodes = [node for statement in source.target.body for node in ast.walk(statement)]
    misplaced = {
        id(inner)  # Python 3.11 gives no true positions inside f-strings
        for node in nodes
        if isinstance(node, ast.JoinedStr)
        for inner in ast.walk(node)
    }
    comparisons = [n for n in nodes if isinstance(n, ast.Compare) and id(n) not in misplaced]
    return sorted(comparisons, key=lambda node: (node.lineno, node.col_offset))


def _can_swap(node: ast.Compare, calls: frozenset[str]) -> bool:
    """Says whether it does not matter which operand is evaluated first."""
    if len(node.ops) != 1 or type(node.ops[0]) not in _MIRRORED:
        return False
    left, right = node.left, node.comparators[0]
    if _is_constant(left) or _is_constant(right):
        return True
    if not (_is_pure(left, calls) and _is_pure(right, calls)):
        return False
    return not set(_used_up(left)).intersection(_used_up(right))


def _is_constant(node: ast.expr) -> bool:
    kinds = (
        ast.Constant | ast.UnaryOp | ast.Tuple | ast.List | ast.expr_context | ast.unaryop
    )  # fmt: skip
    return all(isinstance(inner, kinds) for inner in ast.walk(node))


def _is_pure(node: ast.expr, calls: frozenset[str]) -> bool:
    """Says whether evaluating an expression changes nothing."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            if not isinstance(inner.func, ast.Name) or inner.func.id not in calls or inner.keywords:
                return False
        elif not isinstance(inner, _PURE):
            return False
    return True


def _used_up(node: ast.expr) -> Iterator[str]:
    """Yields the names that would be used up if they were iterators."""
    for call in ast.walk(node):
        match call:
            case ast.Call(func=ast.Name(id=function), args=arguments) if function in _USING_UP:
                for argument in arguments:
                    yield from (n.id for n in ast.walk(argument) if isinstance(n, ast.Name))


def _swapped(source: Source, node: ast.Compare) -> Edit | None:
    """Swaps both operands with their own parentheses.

    Returns None when they are spread over lines, or when nothing would change.
    """
    whole, left, right = (source.span(n) for n in (node, node.left, node.comparators[0]))
    text = source.text
    (operator,) = [
        token.span
        for token in source.tokens
        if left.end <= token.span.start < right.start and token.text in _MIRRORED.values()
    ]
    first, second = Span(whole.start, operator.start), Span(operator.end, whole.end)
    before, after = source.text_of(first), source.text_of(second)
    if "\n" in before + after or before.strip() == after.strip():
        return None
    mirrored = _MIRRORED[type(node.ops[0])]
    gap_before = before[len(before.rstrip()) :]
    gap_after = after[: len(after) - len(after.lstrip())]
    swapped = after.strip() + gap_before + mirrored + gap_after + before.strip()
    if _would_join(text[: whole.start][-1:], swapped[0]):
        swapped = " " + swapped  # as in ``if(a)<b``
    if _would_join(swapped[-1], text[whole.end :][:1]):
        swapped += " "
    return Edit(whole, swapped)


def _would_join(left: str, right: str) -> bool:
    """Says whether two characters side by side make one word, or a string with a prefix."""
    return (left.isalnum() or left == "_") and (right.isalnum() or right in ("_", "'", '"'))
