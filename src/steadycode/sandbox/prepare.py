"""Prepares a test so that its failure can say what was expected and what came instead."""

import ast
import json
from functools import lru_cache

from steadycode.sandbox.explain import ACTUAL, EXPECTED, doubt_by_words

_CLOSE = {"isclose", "allclose"}


@lru_cache(maxsize=4096)
def job(test: str, entry_point: str | None) -> bytes:
    """What a checker is told of a test, as JSON: many programs have the same one."""
    text = prepared(test, entry_point)
    fields = {"test": text, "entry_point": entry_point, "doubt": doubt_by_words(text)}
    return json.dumps({**fields, "plain": test}).encode()  # ASCII: carries lone surrogates too


def prepared(test: str, entry_point: str | None) -> str:
    """The test with the two sides of each assertion kept in names of ours, where
    ``explain.verdict`` finds them. A test that cannot be read comes back as it is."""
    try:
        tree = ast.parse(test)
        keeper = _Keeper({"candidate", entry_point})
        return ast.unparse(ast.fix_missing_locations(keeper.visit(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return test


class _Keeper(ast.NodeTransformer):
    def __init__(self, candidates: set[str | None]) -> None:
        self._candidates = candidates

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        """The assertion, and that what it kept is forgotten where it held."""
        self._keep(node)
        kept = [
            part.target.id
            for part in ast.walk(node.test)
            if isinstance(part, ast.NamedExpr) and part.target.id in (ACTUAL, EXPECTED)
        ]
        forget = [ast.Delete([ast.Name(name, ast.Del()) for name in kept])] if kept else []
        return [node, *forget]

    def _keep(self, owner: ast.Assert) -> None:
        test = owner.test
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self._keep_one(test, "operand")
        elif isinstance(test, ast.Compare) and len(test.ops) == 1:
            self._keep_compared(test)
        elif isinstance(test, ast.Call) and _name(test.func) in _CLOSE and len(test.args) > 1:
            if not any(isinstance(item, ast.Starred) for item in test.args[:2]):
                test.args[:2] = self._kept(*test.args[:2])
        elif not isinstance(test, (ast.BoolOp, ast.Constant, ast.Compare)):
            self._keep_one(owner, "test")

    def _keep_one(self, owner: ast.AST, field: str) -> None:
        value = getattr(owner, field)
        if not isinstance(value, (ast.BoolOp, ast.Constant, ast.Compare, ast.NamedExpr)):
            setattr(owner, field, _keep(ACTUAL, value))

    def _keep_compared(self, test: ast.Compare) -> None:
        """``a == b`` and its likes, and ``abs(a - b) < small``."""
        left = test.left
        if isinstance(left, ast.Call) and _name(left.func) == "abs" and len(left.args) == 1:
            (inside,) = left.args
            if isinstance(inside, ast.BinOp) and isinstance(inside.op, ast.Sub):
                inside.left, inside.right = self._kept(inside.left, inside.right)
                return
        test.left, test.comparators[0] = self._kept(left, test.comparators[0])

    def _kept(self, left: ast.expr, right: ast.expr) -> tuple[ast.expr, ast.expr]:
        expected_first = self._is_answer(right) and not self._is_answer(left)
        if not self._is_answer(left) and isinstance(left, ast.Constant):
            expected_first = not isinstance(right, ast.Constant)
        first, second = (EXPECTED, ACTUAL) if expected_first else (ACTUAL, EXPECTED)
        return _keep(first, left), _keep(second, right)

    def _is_answer(self, node: ast.expr) -> bool:
        return any(
            isinstance(part, ast.Name) and part.id in self._candidates for part in ast.walk(node)
        )


def _keep(name: str, value: ast.expr) -> ast.expr:
    if isinstance(value, (ast.Starred, ast.NamedExpr)):
        return value
    return ast.NamedExpr(ast.Name(name, ast.Store()), value)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
