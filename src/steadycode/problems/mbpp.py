"""Turns rows of the original MBPP into problems with signature, docstring and test."""

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any

from steadycode.errors import DataError
from steadycode.problems.checks import with_check
from steadycode.problems.python import Function, functions, parsed

MBPP_FIELDS = ("task_id", "code", "test_list")
_EXAMPLES = 3
_INDENT = "    "


def from_mbpp(row: Mapping[str, Any], where: str) -> dict[str, str]:
    """Make a Problem's fields from ``task_id``, ``text`` (or ``prompt``), ``code``, ``test_list``
    and, if they are there, ``test_setup_code``, ``test_imports`` and the further tests of MBPP+,
    ``test``, which call the function by its name.

    The problem's function is the one that the tests call. The prompt is all that stands before and
    in its header, and a docstring of the text with up to three asserts as examples; the solution is
    all that comes after. Raises DataError, beginning with ``where``, for a row that cannot be
    converted.
    """
    task = row["task_id"]
    if not isinstance(task, int | str) or isinstance(task, bool):
        raise DataError(f"{where}: field 'task_id' is {type(task).__name__}; give a number")
    described = "text" if row.get("text") is not None else "prompt"
    text, code = (_lines(row.get(field), field, where) for field in (described, "code"))
    asserts = _strings(row["test_list"], "test_list", where)
    if not asserts:
        raise DataError(f"{where}: field 'test_list' is empty; give an assert")
    tests = [parsed(test, f"{where}: test_list[{n}] is") for n, test in enumerate(asserts)]
    function = _tested(parsed(code, f"{where}: code is"), tests, where)
    try:
        prompt, solution = _cut(code, function, text, _examples(tests, function.name))
        check = _check(tests, function.name)
    except RecursionError as error:  # what the parser still reads, unparsing may not
        raise DataError(f"{where}: test_list is nested too deeply; simplify it") from error
    setup = _lines(row.get("test_setup_code") or "", "test_setup_code", where)
    imports = _strings(row.get("test_imports") or [], "test_imports", where)
    return {
        "task_id": task if isinstance(task, str) and "/" in task else f"MBPP/{task}",
        "prompt": prompt,
        "entry_point": function.name,
        "canonical_solution": solution,
        "test": _before([*imports, setup]) + _with_plus(check, row.get("test") or "", where),
    }


def _with_plus(check: str, value: object, where: str) -> str:
    """The check of MBPP's own tests behind the program of further tests, which runs first."""
    plus = with_check(_lines(value, "test", where)).strip()
    if not plus:
        return check
    plus_tree = parsed(plus, f"{where}: test is")
    if any(function.name == "check" for function in functions(plus_tree)):
        plus += "\n\n\ncheck_further = check"
        check += f"{_INDENT}check_further(candidate)\n"
    return f"{plus}\n\n\n{check}"


def _lines(value: object, field: str, where: str) -> str:
    if not isinstance(value, str):
        kind = "missing" if value is None else type(value).__name__
        raise DataError(f"{where}: field {field!r} is {kind}; give it as text")
    return value.replace("\r\n", "\n").replace("\r", "\n")  # as the original's files mix them


def _strings(value: object, field: str, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise DataError(f"{where}: field {field!r} is not a list of strings; give one")
    return value


def _tested(code: ast.Module, tests: Sequence[ast.Module], where: str) -> Function:
    """The function that most tests call. Only the outermost call in each test counts, so that
    helpers which make its arguments do not."""
    defined = {function.name: function for function in functions(code)}
    called = Counter(name for test in tests if (name := _outermost(test, defined)))
    if not called:
        known = ", ".join(defined) or "none"
        raise DataError(
            f"{where}: the tests call no function that code defines at its top level"
            f" (functions there: {known}); correct test_list or code"
        )
    return defined[called.most_common(1)[0][0]]


def _outermost(test: ast.Module, defined: Mapping[str, Function]) -> str:
    """The first function of ``defined`` that is called in ``test``, from the outside in; or ""."""
    for node in ast.walk(test):  # level by level
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in defined:
                return name
    return ""


def _examples(tests: Sequence[ast.Module], name: str) -> list[str]:
    """The tests of the form ``assert f(...) == value`` among the first three, as doctests."""
    lines = []
    for test in tests[:_EXAMPLES]:
        match test.body:
            case [ast.Assert(test=ast.Compare(
                left=ast.Call(func=ast.Name(id=called)) as call, ops=[ast.Eq()], comparators=[value]
            ))] if called == name:  # fmt: skip
                lines += [f">>> {ast.unparse(call)}", ast.unparse(value)]
    return lines


def _cut(code: str, function: Function, text: str, examples: Sequence[str]) -> tuple[str, str]:
    """Cut ``code`` into prompt and solution after the function's header, and add a docstring."""
    rows = code.split("\n")
    line, column = _colon(rows, function)
    after = rows[line][column:].strip()
    first = function.body[0]
    one_line = bool(after) and not after.startswith("#")
    blanks = _INDENT if one_line else _blanks(rows[first.lineno - 1])
    header = "\n".join([*rows[:line], rows[line][:column] if one_line else rows[line]])
    body = "\n".join(rows[line + 1 :])
    if one_line:
        body = f"{blanks}{after}\n{body}"
    docstring = _docstring([*text.strip().split("\n"), *examples], blanks)
    return f"{header}\n{docstring}\n", f"{body.rstrip()}\n"


def _colon(rows: Sequence[str], function: Function) -> tuple[int, int]:
    """The line, counted from 0, and the column just after the colon that ends the header."""
    first = function.lineno - 1
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO("\n".join(rows[first:])).readline):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and not depth:
                return first + token.end[0] - 1, token.end[1]
    raise AssertionError("a function has a header")


def _blanks(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _docstring(rows: Sequence[str], blanks: str) -> str:
    content = "\n".join(f"{blanks}{row.rstrip()}" if row.strip() else "" for row in rows)
    prefix = "r" if "\\" in content else ""
    quotes = '"""' if '"""' not in content else "'''"
    if quotes in content:  # both kinds: nothing but escapes is left
        prefix, quotes = "", '"""'
        content = content.replace("\\", "\\\\").replace('"""', r"\"\"\"")
    return f"{blanks}{prefix}{quotes}\n{content}\n{blanks}{quotes}"


def _before(setup: Sequence[str]) -> str:
    parts = [f"{part.rstrip()}\n" for part in setup if part.strip()]
    return "".join([*parts, "\n\n"]) if parts else ""


def _check(tests: Sequence[ast.Module], name: str) -> str:
    class Candidate(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name("candidate", node.ctx) if node.id == name else node

    # unparsed: every statement is one logical line, whatever strings it holds
    statements = "\n".join(ast.unparse(Candidate().visit(test)) for test in tests)
    return f"def check(candidate):\n{indent(statements, _INDENT)}\n"
