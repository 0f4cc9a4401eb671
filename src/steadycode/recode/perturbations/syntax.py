"""Rewrites of the given half of the body that keep its meaning, its layout and its strings."""

import ast
import builtins
import keyword
import string
import tokenize
from collections.abc import Callable, Iterator
from random import Random

from steadycode.problems import Problem
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Perturbation, Plugged

_MIRRORED: dict[type[ast.cmpop], str] = {
    ast.Lt: ">", ast.Gt: "<", ast.LtE: ">=", ast.GtE: "<=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_PURE_CALLS = frozenset(
    ("len", "abs", "ord", "chr", "int", "str", "float", "sum", "min", "max", "sorted", "round")
)


def _swap_operands(problem: Problem, random: Random) -> Problem:
    """The first comparison ``a < b`` that is given becomes ``b > a``."""
    source = Source(problem)
    for node in _comparisons(source):
        if _can_swap(node):
            edit = _swapped(source, node)
            if edit and edit.span.end <= source.cut:
                return source.edited([edit])
    return problem


def _comparisons(source: Source) -> list[ast.Compare]:
    """The comparisons of the target's body, in the order of the text."""
    nodes = [node for statement in source.target.body for node in ast.walk(statement)]
    misplaced = {
        id(inner)  # Python 3.11 gives no true positions inside f-strings
        for node in nodes
        if isinstance(node, ast.JoinedStr)
        for inner in ast.walk(node)
    }
    found = [n for n in nodes if isinstance(n, ast.Compare) and id(n) not in misplaced]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _can_swap(node: ast.Compare) -> bool:
    return (
        len(node.ops) == 1
        and type(node.ops[0]) in _MIRRORED
        and _is_pure(node.left)
        and _is_pure(node.comparators[0])
    )


def _is_pure(node: ast.expr) -> bool:
    """Evaluating it changes nothing, so the order does not matter."""
    kinds = (
        ast.Name | ast.Constant | ast.UnaryOp | ast.BinOp | ast.Attribute | ast.Subscript
        | ast.Slice | ast.Tuple | ast.List | ast.expr_context | ast.operator | ast.unaryop
    )  # fmt: skip
    return all(
        isinstance(inner, kinds) or (isinstance(inner, ast.Call) and _is_pure_call(inner))
        for inner in ast.walk(node)
    )


def _is_pure_call(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id in _PURE_CALLS and not node.keywords


def _swapped(source: Source, node: ast.Compare) -> Edit | None:
    """Both operands with their own parentheses; None when they are spread over lines."""
    whole, left, right = (source.span(n) for n in (node, node.left, node.comparators[0]))
    text = source.text
    (operator,) = [
        token.span
        for token in source.tokens
        if left.end <= token.span.start < right.start and token.text in _MIRRORED.values()
    ]
    first, second = Span(whole.start, operator.start), Span(operator.end, whole.end)
    before, after = text[first.start : first.end], text[second.start : second.end]
    if "\n" in before + after or before.strip() == after.strip():
        return None
    mirrored = _MIRRORED[type(node.ops[0])]
    gap_before = before[len(before.rstrip()) :]
    gap_after = after[: len(after) - len(after.lstrip())]
    return Edit(whole, after.strip() + gap_before + mirrored + gap_after + before.strip())


def _rename_naive(problem: Problem, random: Random) -> Problem:
    source = Source(problem)
    number = 0
    while f"VAR_{number}" in source.names:
        number += 1
    return _rename_variable(source, lambda old: f"VAR_{number}")


def _rename_random(problem: Problem, random: Random) -> Problem:
    source = Source(problem)

    def new(old: str) -> str:
        while True:
            rest = random.choices(string.ascii_letters + string.digits, k=len(old) - 1)
            name = random.choice(string.ascii_letters) + "".join(rest)
            free = name not in source.names and not hasattr(builtins, name)
            if free and not keyword.iskeyword(name):
                return name

    return _rename_variable(source, new)


def _rename_variable(source: Source, new: Callable[[str], str]) -> Problem:
    """The target's parameter or local variable that is used most, the first of equals."""
    uses = variable_uses(source)
    if not uses:
        return source.problem
    old = max(uses, key=lambda name: len(uses[name]))
    name = new(old)
    return source.edited(Edit(span, name) for span in uses[old])


def variable_uses(source: Source) -> dict[str, list[Span]]:
    """Variables that can be renamed safely -> where they stand, in the order of the text."""
    nodes = list(ast.walk(source.target))
    bound, spans, unsafe = set[str](), dict[str, list[Span]](), set[str]()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=context):
                spans.setdefault(name, []).append(source.span(node))
                if not isinstance(context, ast.Load):
                    bound.add(name)
            case ast.arg(arg=name):
                start = source.span(node).start
                spans.setdefault(name, []).append(Span(start, start + len(name)))
                bound.add(name)
            case ast.JoinedStr():  # positions inside are not those of the text
                unsafe |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                unsafe |= set(names)
            case ast.keyword(arg=str(name)) | ast.ExceptHandler(name=str(name)):
                unsafe.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                unsafe.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                unsafe.add(name)
            case ast.alias(name=name, asname=asname):
                unsafe.add(asname or name.partition(".")[0])
    ordered = sorted(spans.items(), key=lambda item: min(span.start for span in item[1]))
    return {name: where for name, where in ordered if name in bound - unsafe}


def _insert_dead_code(problem: Problem, random: Random) -> Problem:
    """A given statement once more, in a block that never runs, before some given statement."""
    source = Source(problem)
    places = given_statements(source)
    if not places:
        return problem
    place = random.choice(places)
    at = source.line_start(source.span(place).start)
    indent = source.indentation(source.span(place).start)
    copies = [node for node in places if _can_copy(source, node)]
    body = _lines_of(source, random.choice(copies)) if copies else ["pass"]
    counters = [name for digit in range(10) if (name := f"_i_{digit}") not in source.names]
    heads = ["if False:", "while False:"]
    heads += [f"for {random.choice(counters)} in range(0):"] if counters else []
    unit = source.indentation(source.span(source.target.body[0]).start) or "    "
    lines = [indent + random.choice(heads)]
    lines += [indent + unit + line if line.strip() else "" for line in body]
    return source.edited([Edit(Span(at, at), "\n".join(lines) + "\n")])


def given_statements(source: Source) -> list[ast.stmt]:
    """Statements of the given half of the body that another statement may precede."""
    return [node for node in _statements(source.target) if _can_precede(source, node)]


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Statements below ``node`` that belong to the same function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _statements(child)


def _can_precede(source: Source, node: ast.stmt) -> bool:
    """Lies in the given half, on a line of its own, where another statement may stand."""
    span = source.span(node)
    decorated = getattr(node, "decorator_list", [])
    return (
        source.body_start <= span.start < source.cut
        and source.begins_line(span.start)
        and not decorated
        and not source.text.startswith("elif", span.start)
        and not _is_continued(source, span.start)
    )


def _is_continued(source: Source, offset: int) -> bool:
    return source.text[: source.line_start(offset)].endswith("\\\n")


def _can_copy(source: Source, node: ast.stmt) -> bool:
    """Given as a whole, and means the same to the compiler inside another block."""
    span = source.span(node)
    bad = (
        ast.Break | ast.Continue | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal | ast.Yield | ast.YieldFrom
    )  # fmt: skip
    whole_lines = source.text[span.end :].partition("\n")[0].split("#")[0].strip() == ""
    return (
        span.end <= source.cut
        and whole_lines
        and not any(isinstance(inner, bad) for inner in ast.walk(node))
        and not any(
            token.kind == tokenize.STRING and "\n" in token.text
            for token in source.tokens
            if span.start <= token.span.start < span.end
        )
    )


def _lines_of(source: Source, node: ast.stmt) -> list[str]:
    """The statement's lines without the indentation of its first one."""
    span = source.span(node)
    indent = source.indentation(span.start)
    first, *rest = source.text[span.start : span.end].split("\n")
    return [first, *(line.removeprefix(indent) for line in rest)]


RANDOM: dict[str, Perturbation] = {
    "DeadCodeInserter": _insert_dead_code,
    "VarRenamerRN": _rename_random,
}
FIXED: dict[str, Perturbation] = {
    "OperandSwap": _swap_operands,
    "VarRenamerNaive": _rename_naive,
}
PLUGGED: dict[str, tuple[str, Plugged]] = {}
"""Name -> the plug-in that it needs, and its rule."""
