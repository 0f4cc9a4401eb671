"""Defines a problem, reads it from a row, and checks that its program and test are usable."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steadycode.errors import DataError
from steadycode.json_lines import json_object
from steadycode.problems.checks import with_check
from steadycode.problems.entry import method_of, outermost
from steadycode.problems.mbpp import MBPP_FIELDS, from_mbpp
from steadycode.problems.python import functions, parsed
from steadycode.randomness import derive_seed

_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A function to complete. ``test`` defines ``check(candidate)``, as in HumanEval.

    ``entry_point`` is what the test is handed: a function or a class at the top level, or a method
    as ``Class().method`` or ``Class.method``.
    """

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


def select_problems(problems: Sequence[Problem], count: int | None, seed: int) -> list[Problem]:
    """``count`` problems chosen by a stable hash of (seed, task_id), kept in their order.

    The choice is nested: a larger count contains every smaller one.
    """
    if count is None or count >= len(problems):
        return list(problems)
    ranked = sorted(problems, key=lambda p: derive_seed(seed, "subset", p.task_id))
    chosen = {problem.task_id for problem in ranked[:count]}
    return [problem for problem in problems if problem.task_id in chosen]


def parse_problem(line: str, where: str) -> Problem:
    """Read a row of a JSON-lines file, which holds a Problem's fields or those of MBPP.

    A number as task_id, a ``test_setup`` beside the test, and a test of unittest or pytest are read
    as well; other fields are left out. Raises DataError, beginning with ``where``, for a row that
    lacks fields.
    """
    row = _with_text_id(json_object(line, where))
    if all(field in row for field in MBPP_FIELDS) and "canonical_solution" not in row:
        row = from_mbpp(row, where)
    for field in _FIELDS:
        if field not in row:
            raise DataError(f"{where}: field {field!r} is missing; {_wanted()}")
        if not isinstance(row[field], str):
            kind = type(row[field]).__name__
            raise DataError(f"{where}: field {field!r} is {kind}, not a string; {_wanted()}")
        if re.search("[\ud800-\udfff]", row[field]):
            raise DataError(f"{where}: field {field!r} holds half a character; save it as UTF-8")
    if not row["task_id"]:
        raise DataError(f"{where}: field 'task_id' is empty; give each row a name of its own")
    fields = {field: row[field] for field in _FIELDS}
    fields["test"] = with_check(_with_setup(row, where))
    return Problem(**fields)


def _with_text_id(row: dict[str, Any]) -> dict[str, Any]:
    task, mbpp = row.get("task_id"), "test_list" in row  # which names its own
    return {**row, "task_id": str(task)} if type(task) is int and not mbpp else row


def _with_setup(row: Mapping[str, Any], where: str) -> str:
    setup = row.get("test_setup") or ""
    if not isinstance(setup, str):
        kind = type(setup).__name__
        raise DataError(f"{where}: field 'test_setup' is {kind}; give it as text")
    return f"{setup.rstrip()}\n\n\n{row['test']}" if setup.strip() else str(row["test"])


def _wanted() -> str:
    return f"a row needs {', '.join(_FIELDS)}, or MBPP's {', '.join(MBPP_FIELDS)}"


def check_problem(problem: Problem, where: str) -> None:
    """Raise DataError, beginning with ``where``, when the program does not parse or does not
    define the entry point, or when the test cannot test it. Nothing is run."""
    program = problem.prompt + problem.canonical_solution
    if re.search("\r(?!\n)", program):
        raise DataError(f"{where}: lines of the program end in \\r alone; end them in \\n")
    tree = parsed(program, f"{where}: prompt and canonical_solution together are")
    _check_entry_point(problem.entry_point, tree, where)
    test = parsed(problem.test, f"{where}: the test is")
    checks = [function for function in functions(test) if function.name == "check"]
    if not checks or isinstance(checks[-1], ast.AsyncFunctionDef):
        raise DataError(f"{where}: the test defines no function check(candidate); write one")
    args = checks[-1].args
    parameters = {arg.arg for arg in (*args.posonlyargs, *args.args, args.vararg) if arg}
    used = {node.id for node in ast.walk(test)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}  # fmt: skip
    if not parameters:
        raise DataError(f"{where}: the test's check takes no argument; write check(candidate)")
    if not used & {*parameters, outermost(problem.entry_point)}:
        raise DataError(
            f"{where}: the test calls neither candidate nor {problem.entry_point}, so every program"
            " would pass; call candidate in check"
        )


def _check_entry_point(entry_point: str, tree: ast.Module, where: str) -> None:
    outer, method = outermost(entry_point), method_of(entry_point)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    names = list(dict.fromkeys([*(f.name for f in functions(tree)), *classes]))
    methods = [f"{name}().{f.name}" for name in classes for f in functions(classes[name])]
    if entry_point == outer and outer in names:
        return
    if method and any(f.name == method for f in functions(classes.get(outer, ast.Module([], [])))):
        return
    meant = [name for name in methods if name.endswith(f".{method or entry_point}")]
    hint = f"name {meant[0]} as entry_point" if meant else "correct entry_point or the program"
    raise DataError(
        f"{where}: prompt and canonical_solution define no function {entry_point!r} at"
        f" their top level (functions there: {', '.join(names) or 'none'}); {hint}"
    )
