"""The program to run for a problem: its prompt with what an engine wrote, or with the reference."""

import re

from steadycode.config import Style
from steadycode.definitions import definition
from steadycode.problems import Problem
from steadycode.problems.entry import outermost, plain_name
from steadycode.sandbox.contract import Program

_FUTURE = re.compile(
    r"^from[ \t]+__future__[ \t]+import[ \t]+(?:\([^)]*\)|[^\n(]*)(?:\n|\Z)", re.MULTILINE
)


def reference(problem: Problem) -> Program:
    """The problem's own solution, which has to pass its test."""
    return _handing(problem, problem.prompt + problem.canonical_solution)


def _handing(problem: Problem, code: str) -> Program:
    """A program by whose name for the entry point the test is handed it."""
    entry_point = problem.entry_point
    name = plain_name(entry_point)
    binding = f"\n\n\n{name} = {entry_point}\n" if name != entry_point else ""
    return Program(code + binding, problem.test, name)


def program(problem: Problem, text: str, style: Style) -> Program:
    """The prompt followed by ``text``.

    An engine may write the whole function again, or as the method of a class. Then only what stands
    before that function in the prompt is kept. What ``text`` imports from the future is imported
    first, as Python demands.
    """
    name = outermost(problem.entry_point)
    before = definition(name).split(problem.prompt, maxsplit=1)[0]
    if definition(name).search(text):
        code = _joined(before, text)
    elif holder := _class_with(name, text):
        call = f"def {name}(*args, **kwargs):\n    return {holder}().{name}(*args, **kwargs)\n"
        code = _joined(before, f"{text}\n\n\n{call}")
    else:
        if style == "chat" and not problem.prompt.endswith("\n"):
            text = "\n" + text  # the code of a block begins a line
        code = _joined(problem.prompt, text)
    return _handing(problem, code)


def _joined(prompt: str, text: str) -> str:
    futures = [found[0].rstrip("\n") + "\n" for found in _FUTURE.finditer(text)]
    return "".join(futures) + prompt + _FUTURE.sub("", text) if futures else prompt + text


def _class_with(name: str, text: str) -> str | None:
    """The class at column 0 that defines ``name`` as a method, if there is one."""
    method = re.search(rf"^[ \t]+(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b", text, re.MULTILINE)
    classes = re.findall(
        r"^(?:class[ \t]+(\w+)|\S)", text[: method.start()] if method else "", re.MULTILINE
    )
    return (classes[-1] or None) if classes else None
