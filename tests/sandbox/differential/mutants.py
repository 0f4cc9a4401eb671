"""Reference programs of published problems, and small changes of them."""

import ast
import copy
from collections.abc import Iterator
from pathlib import Path

from steadycode.problems import load_problems
from steadycode.sandbox import Program

_FLIPPED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


def reference_programs(source: str) -> list[Program]:
    """The references of ``humaneval``, or of a file of problems."""
    return [
        Program(p.prompt + p.canonical_solution, p.test, p.entry_point)
        for p in load_problems(source, check_programs=False)
    ]


def mbpp_of(shared: Path) -> str:
    return str(shared / "data" / "recode" / "mbpp.jsonl")


def mutants(program: Program, count: int) -> list[Program]:
    """At most ``count`` programs with one change each: a comparison turned, a number one more, a
    return without its value; of each kind one, where there are as many. None of a damaged one."""
    try:
        tree = ast.parse(program.code)
    except SyntaxError:
        return []
    kinds = (_turned, _increased, _emptied)
    found = [list(kind(tree)) for kind in kinds]
    in_turns = [group[at] for at in range(count) for group in found if at < len(group)]
    return [
        Program(ast.unparse(tree), program.test, program.entry_point) for tree in in_turns[:count]
    ]


def _turned(tree: ast.Module) -> Iterator[ast.Module]:
    for changed, node in _copies(tree, ast.Compare):
        if type(node.ops[0]) in _FLIPPED:
            node.ops[0] = _FLIPPED[type(node.ops[0])]()
            yield changed


def _increased(tree: ast.Module) -> Iterator[ast.Module]:
    for changed, node in _copies(tree, ast.Constant):
        if type(node.value) in (int, float):
            node.value += 1
            yield changed


def _emptied(tree: ast.Module) -> Iterator[ast.Module]:
    for changed, node in _copies(tree, ast.Return):
        if node.value is not None:
            node.value = None
            yield changed


def _copies(tree: ast.Module, kind: type[ast.AST]) -> Iterator[tuple[ast.Module, ast.AST]]:
    """A copy of the tree for each node of that kind in it, and the node."""
    for at, node in enumerate(ast.walk(tree)):
        if isinstance(node, kind):
            changed = copy.deepcopy(tree)
            yield changed, list(ast.walk(changed))[at]
