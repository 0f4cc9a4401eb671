"""Format perturbations as published, on the partial prompt; the solution is never adapted."""

import re
from random import Random

from steadycode.problems import Problem
from steadycode.recode.published.frame import split
from steadycode.recode.source import changed
from steadycode.recode.variant import Published

_HIDDEN = "\0"


def _new_line_after_code(problem: Problem, seed: int, random: Random) -> Problem:
    return changed(problem, prompt=problem.prompt + "\n")


def _new_line_after_docstring(problem: Problem, seed: int, random: Random) -> Problem:
    found = _docstring(problem)
    if found is None:
        return problem
    end = found[1]
    return changed(problem, prompt=problem.prompt[:end] + "\n" + problem.prompt[end:])


def _new_lines(problem: Problem, seed: int, random: Random) -> Problem:
    """One draw of the file's generator for each line end after the docstring."""
    found = _docstring(problem)
    end = found[1] if found else 0
    after = [c + "\n" if c == "\n" and random.random() < 0.5 else c for c in problem.prompt[end:]]
    return changed(problem, prompt=problem.prompt[:end] + "".join(after))


def _docstring_to_comments(problem: Problem, seed: int, random: Random) -> Problem:
    """Lines without the docstring's indentation, such as empty ones, do not become comments."""
    found = _docstring(problem)
    if found is None:
        return problem
    prompt, (opening, end) = problem.prompt, found
    start = prompt.rfind("\n", 0, opening) + 1
    indent = prompt[start:opening]
    if indent.strip() or prompt[end : end + 1] not in ("", "\n"):
        return problem
    quotes = prompt[opening : opening + 3]
    lines = [line for line in prompt[start:end].split("\n") if line.strip() != quotes]
    comments = [
        _comment(line.replace(quotes + " ", "").replace(quotes, ""), indent) for line in lines
    ]
    block = "\n".join(comments) + prompt[end:] if comments else prompt[end + 1 :]
    return changed(problem, prompt=prompt[:start] + block)


def _comment(line: str, indent: str) -> str:
    if not line or not line.startswith(indent):
        return line
    again = "" if line.strip() else line[-1]
    return f"{indent}# {line[len(indent) :]}{again}"


def _tabs(problem: Problem, seed: int, random: Random) -> Problem:
    parts = split(problem.prompt, problem.entry_point)
    below = (line for line in (parts.docstring + parts.body).split("\n") if line.strip())
    unit = _blanks(next(below, ""))
    if not unit:
        return problem
    new = "    " if "\t" in unit else "\t"
    lines = [
        _blanks(line).replace(unit, new) + line.lstrip() if line.strip() else line
        for line in problem.prompt.split("\n")
    ]
    return changed(problem, prompt="\n".join(lines))


def _split_lines(problem: Problem, seed: int, random: Random) -> Problem:
    """The line with the most characters is cut in the middle of its words."""
    lines = problem.prompt.split("\n")
    candidates = _candidates(lines, problem.entry_point)
    if not candidates:
        return problem
    longest = max(candidates, key=lambda number: len("".join(lines[number].split())))
    lines[longest] = _in_two(lines[longest])
    return changed(problem, prompt="\n".join(lines))


def _candidates(lines: list[str], entry_point: str) -> list[int]:
    """Numbers of the lines that can be cut: outside of what looks like a docstring, two words."""
    found = []
    inside = False
    for number, line in enumerate(lines):
        if '"""' in line or "'''" in line:
            inside = not inside  # wrong after a docstring of one line
        elif not inside and "#" not in line and entry_point not in line and " " in line.strip():
            found.append(number)
    return found


def _in_two(line: str) -> str:
    """The line with a backslash in its middle; strings in double quotes count as one word.

    Two mistakes of the original: a string after the first is looked up, at its place in the whole
    line, in the line already shortened; and the character after each string is lost.
    """
    marks = [match.start() for match in re.finditer('"', line)]
    hidden, strings = line, []
    for start, end in zip(marks[::2], marks[1::2], strict=False):
        strings.append(hidden[start : end + 1])
        hidden = hidden[:start] + _HIDDEN + hidden[end + 2 :]
    words = hidden.strip().split(" ")
    half = len(words) // 2
    text = _blanks(line) + " ".join([*words[:half], " \\\n ", *words[half:]])
    for string in strings:
        text = text.replace(_HIDDEN, string, 1)
    return text


def _docstring(problem: Problem) -> tuple[int, int] | None:
    """From its opening to just after its closing quotes."""
    prompt = problem.prompt
    quotes = split(prompt + problem.canonical_solution, problem.entry_point).quotes
    opening = prompt.find(quotes, max(prompt.find(problem.entry_point), 0))
    closing = prompt.find(quotes, opening + 3) if opening >= 0 else -1
    return (opening, closing + 3) if closing >= 0 else None


def _blanks(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


APPLY: dict[str, Published] = {
    "tab_indent": _tabs,
    "split_lines": _split_lines,
    "doc2comments": _docstring_to_comments,
    "new_lines": _new_lines,
    "new_line_aftercode": _new_line_after_code,
    "new_line_afterdoc": _new_line_after_docstring,
}
