"""The same signature with other annotations, or laid out in another way."""

import ast
import re

from steadycode.problems import Problem
from steadycode.recode.source import Edit, Source, Span, Token, parameters
from steadycode.recode.variant import Context

_MODERN = {
    "List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "FrozenSet": "frozenset",
    "Type": "type",
}  # fmt: skip
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def remove_type_hints(problem: Problem, context: Context) -> Problem:
    """Takes the annotations out of the signature; what was imported for them stays."""
    source = Source(problem)
    edits = []
    for parameter in parameters(source.target):
        if parameter.annotation:
            span = source.span(parameter)
            default = re.compile(r"\s*=\s*").match(source.text, span.end)
            start = span.start + len(parameter.arg)
            end = default.end() if default else span.end
            edits.append(Edit(Span(start, end), "=" if default else ""))
    if source.target.returns:
        _, closing, colon = _frame(source)
        edits.append(Edit(Span(closing.span.end, colon.span.start), ""))
    return source.edited(edits)


def modernise_type_hints(problem: Problem, context: Context) -> Problem:
    """Writes ``List[int]`` as ``list[int]`` and ``Optional[X]`` as ``X | None``."""
    source = Source(problem)
    typing = {
        alias.name
        for node in source.tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "typing"
        for alias in node.names
        if alias.asname is None
    }
    hints = [parameter.annotation for parameter in parameters(source.target)]
    edits = []
    for hint in [*hints, source.target.returns]:
        if hint is not None and not _is_quoted(hint):
            span = source.span(hint)
            # parsed anew, because the visitor changes the tree and the source's own is shared
            own = ast.parse(source.text_of(span), mode="eval")
            before, after = ast.unparse(own), ast.unparse(_Modern(typing).visit(own))
            if after != before:
                edits.append(Edit(span, after))
    return source.edited(edits)


def _is_quoted(hint: ast.expr) -> bool:
    """Recognises a hint with a name in quotes, which cannot be an operand of ``|``."""
    return any(isinstance(n, ast.Constant) and isinstance(n.value, str) for n in ast.walk(hint))


class _Modern(ast.NodeTransformer):
    """Replaces the names that the program imports from ``typing`` by what Python has now."""

    def __init__(self, typing: set[str]) -> None:
        self.typing = typing

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.typing and node.id in _MODERN:
            return ast.Name(_MODERN[node.id], node.ctx)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Subscript(value=ast.Name("Optional"), slice=kind) if "Optional" in self.typing:
                return ast.BinOp(kind, ast.BitOr(), ast.Constant(None))
            case ast.Subscript(value=ast.Name("Union"), slice=ast.Tuple(elts=[first, *rest])) if (
                "Union" in self.typing
            ):
                for kind in rest:
                    first = ast.BinOp(first, ast.BitOr(), kind)
                return first
        return node


def one_parameter_per_line(problem: Problem, context: Context) -> Problem:
    """Gives each parameter a line, and the last a comma, as a formatter breaks a signature."""
    source = Source(problem)
    opening, closing, _ = _frame(source)
    if "\n" in source.text[opening.span.start : closing.span.end]:
        return problem
    pieces = _pieces(source, opening, closing)
    if not pieces:
        return problem
    unit = source.body_indent or "    "
    lines = "".join(f"{unit}{piece},\n" for piece in pieces)
    return source.edited([Edit(Span(opening.span.end, closing.span.start), "\n" + lines)])


def _pieces(source: Source, opening: Token, closing: Token) -> list[str]:
    """Returns the parameters, with all that belongs to each, and the marks ``/`` and ``*``."""
    pieces, depth, start = [], 0, opening.span.end
    for token in source.tokens:
        if not opening.span.end <= token.span.start <= closing.span.start:
            continue
        if depth == 0 and (token.text == "," or token is closing):
            pieces.append(source.text[start : token.span.start].strip())
            start = token.span.end
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
    return [piece for piece in pieces if piece]


def _frame(source: Source) -> tuple[Token, Token, Token]:
    """Returns the parentheses of the parameters and the colon that ends the header."""
    start = source.span(source.target).start
    tokens = [token for token in source.tokens if token.span.start >= start]
    depth, opening, closing = 0, tokens[0], tokens[0]
    for token in tokens:
        if token.text == "(" and depth == 0 and opening is tokens[0]:
            opening = token
        if token.text == ":" and depth == 0:
            return opening, closing, token
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if token.text == ")" and depth == 0 and closing is tokens[0]:
            closing = token
    raise AssertionError("a function that was parsed has a colon")
