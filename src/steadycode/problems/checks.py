"""Makes a check of tests that were written for a test runner."""

import ast
import re
from collections.abc import Iterator

_CHECK = re.compile(r"^(?:async[ \t]+)?def[ \t]+check\b", re.MULTILINE)
_WORDS = re.compile(r"TestCase|^def[ \t]+test", re.MULTILINE)


def with_check(test: str) -> str:
    """The test with a function ``check`` that runs its test cases and test functions, as unittest
    and pytest would; a test that has ``check``, or neither of them, comes back as it is."""
    if _CHECK.search(test) or not _WORDS.search(test):
        return test
    try:
        tree = ast.parse(test)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # told by check_problem
        return test
    cases, functions = list(_cases(tree)), list(_functions(tree))
    if not cases and not functions:
        return test
    lines = [f"    {name}()" for name in functions]
    if cases:
        load = "unittest.defaultTestLoader.loadTestsFromTestCase"
        lines += ["    import unittest", ""]
        lines += [f"    {load}({name}).debug()" for name in cases]  # raises what a test raises
    check = "\n".join(["def check(candidate):", *lines])
    return f"{_without_main(test, tree).rstrip()}\n\n\n{check}\n"


def _cases(tree: ast.Module) -> Iterator[str]:
    """The names of the classes that are made of ``unittest.TestCase``, or of another such class."""
    known = {"TestCase", "IsolatedAsyncioTestCase"}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and known & set(map(_last_name, node.bases)):
            known.add(node.name)
            yield node.name


def _functions(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            arguments = node.args
            if len(arguments.posonlyargs + arguments.args) == len(arguments.defaults):
                yield node.name


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def _without_main(test: str, tree: ast.Module) -> str:
    """The test without the lines that start a test runner when it is run as a script."""
    lines = test.splitlines(keepends=True)
    for node in tree.body:
        if _runs(node):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "".join(lines)


def _runs(node: ast.stmt) -> bool:
    text = ast.unparse(node)
    if isinstance(node, ast.If):
        return "__name__" in ast.unparse(node.test)
    return isinstance(node, ast.Expr) and text.startswith(("unittest.main(", "main(", "pytest."))
