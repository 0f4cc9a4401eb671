"""What the tests look at in a program, whatever its layout and its docstrings."""

import ast

from steadycode.problems import Problem
from steadycode.recode.source import Function, Source


def whole(problem: Problem) -> str:
    return problem.prompt + problem.canonical_solution


def shape(problem: Problem, hints: bool = True) -> str:
    """Returns the syntax tree without docstrings and, unless ``hints``, without annotations."""
    tree = ast.parse(whole(problem))
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and not hints:
            node.annotation = None
        if isinstance(node, Function):
            node.returns = node.returns if hints else None
            node.body = [statement for statement in node.body if not _is_string(statement)]
    return ast.dump(tree)


def shown(problem: Problem) -> int:
    """Returns how many statements of the target's body, without strings, the prompt begins."""
    source = Source(problem)
    body = [node for node in source.target.body if not _is_string(node)]
    return sum(source.span(node).start < source.cut for node in body)


def _is_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
