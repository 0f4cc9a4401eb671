"""How the published benchmark cuts a program: header, docstring, body, and the body's half.

By searching for strings, not by parsing: a first entry point in an import, a docstring that closes
in the middle of a line and the like come out as they do there.
"""

from dataclasses import dataclass

from steadycode.problems import Problem
from steadycode.recode.source import changed

MARKER = "# print('@@this is the line to split##')"


@dataclass(frozen=True, slots=True)
class Parts:
    """``header + docstring + body`` is the program. ``quotes``: those of its docstring."""

    header: str
    docstring: str
    body: str
    quotes: str


def split(text: str, entry_point: str) -> Parts:
    """The three parts of a program (or of one with a marker in its body)."""
    quotes = "'''" if "'''" in text and '"""' not in text else '"""'
    end = text.find("\n", text.find(entry_point))
    header = text if end < 0 else text[: end + 1]
    opening = text.find(quotes, len(header))
    closing = text.find(quotes + "\n", opening + 3) if opening >= 0 else -1
    start = closing + 4 if closing >= 0 else len(header)
    return Parts(header, text[len(header) : start], text[start:], quotes)


def partial(problem: Problem) -> Problem:
    """The problem with half of the body's lines given; unchanged when it has one line."""
    halves = _halves(problem)
    if halves is None:
        return problem
    return changed(problem, prompt=halves[0], canonical_solution=halves[1])


def marked(problem: Problem) -> str | None:
    """The whole program with the marker line at the cut: the release's field ``partial``."""
    halves = _halves(problem)
    return None if halves is None else with_marker(*halves)


def with_marker(before: str, after: str) -> str:
    """Two halves of a program with the marker line, as far indented as its neighbours, between."""
    last = before.rstrip("\n").rpartition("\n")[2]
    blanks = [_blanks(last), _blanks(after.partition("\n")[0])]
    return before + max(blanks, key=len) + MARKER + "\n" + after


def _halves(problem: Problem) -> tuple[str, str] | None:
    parts = split(problem.prompt + problem.canonical_solution, problem.entry_point)
    lines = parts.body.split("\n")
    lines = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    if len(lines) < 2:
        return None
    half = len(lines) // 2
    return parts.header + parts.docstring + "".join(lines[:half]), "".join(lines[half:])


def _blanks(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
