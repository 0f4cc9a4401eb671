"""How the published benchmark cuts a program: header, docstring, body, and the body's half.

By searching for strings, not by parsing: a first entry point in an import, a docstring that closes
in the middle of a line and the like come out as they do there.
"""

import io
from dataclasses import dataclass

from steadycode.problems import Problem
from steadycode.recode.source import changed

MARKER = "# print('@@this is the line to split##')"


@dataclass(frozen=True, slots=True)
class Parts:
    """A program, ``header + docstring + body``, and the ``quotes`` that its docstring has."""

    header: str
    docstring: str
    body: str
    quotes: str


def split(text: str, entry_point: str) -> Parts:
    """Returns the three parts of a program; its body may have the marker in it."""
    quotes = "'''" if "'''" in text and '"""' not in text else '"""'
    end = text.find("\n", text.find(entry_point))
    header = text if end < 0 else text[: end + 1]
    opening = text.find(quotes, len(header))
    closing = text.find(quotes + "\n", opening + 3) if opening >= 0 else -1
    start = closing + 4 if closing >= 0 else len(header)
    return Parts(header, text[len(header) : start], text[start:], quotes)


def partial(problem: Problem) -> Problem:
    """Returns the problem with half of the body's lines in its prompt.

    It comes back unchanged when the body has one line.
    """
    halves = _halves(problem)
    if halves is None:
        return problem
    return changed(problem, prompt=halves[0], canonical_solution=halves[1])


def marked(problem: Problem) -> str | None:
    """Returns the whole program with the marker line at the cut: the release's field ``partial``.

    It returns None when the body has one line.
    """
    halves = _halves(problem)
    return None if halves is None else with_marker(*halves)


def with_marker(before: str, after: str) -> str:
    """Returns both halves of a program with the marker line between.

    The marker is indented as far as the further indented of its neighbours.
    """
    last = before.rstrip("\n").rpartition("\n")[2]
    blanks = [indentation(last), indentation(after.partition("\n")[0])]
    return before + max(blanks, key=len) + MARKER + "\n" + after


def _halves(problem: Problem) -> tuple[str, str] | None:
    parts = split(problem.prompt + problem.canonical_solution, problem.entry_point)
    lines = list(io.StringIO(parts.body))
    if len(lines) < 2:
        return None
    half = len(lines) // 2
    return parts.header + parts.docstring + "".join(lines[:half]), "".join(lines[half:])


def indentation(line: str) -> str:
    """Returns the blanks that a line begins with."""
    return line[: len(line) - len(line.lstrip())]
