"""Format perturbations as published, on the partial prompt; the solution is never adapted."""

import re

from steadycode.problems import Problem
from steadycode.recode.published.frame import indentation, split
from steadycode.recode.source import changed
from steadycode.recode.variant import Context

_HIDDEN = "\0"


def new_line_after_code(problem: Problem, context: Context) -> Problem:
    """Adds an empty line at the cut."""
    return changed(problem, prompt=problem.prompt + "\n")


def new_line_after_docstring(problem: Problem, context: Context) -> Problem:
    """Adds an empty line after the docstring."""
    docstring = _docstring(problem)
    if docstring is None:
        return problem
    end = docstring[1]
    return changed(problem, prompt=problem.prompt[:end] + "\n" + problem.prompt[end:])


def new_lines(problem: Problem, context: Context) -> Problem:
    """Doubles line ends after the docstring, by one draw of the file's generator for each."""
    docstring = _docstring(problem)
    end = docstring[1] if docstring else 0
    after = [
        c + "\n" if c == "\n" and context.random.random() < 0.5 else c for c in problem.prompt[end:]
    ]
    return changed(problem, prompt=problem.prompt[:end] + "".join(after))


def docstring_to_comments(problem: Problem, context: Context) -> Problem:
    """Makes the docstring's lines comments, but not those without its indentation: empty ones."""
    docstring = _docstring(problem)
    if docstring is None:
        return problem
    prompt, (opening, end) = problem.prompt, docstring
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


def tabs(problem: Problem, context: Context) -> Problem:
    """Makes each level of indentation a tab, or four spaces where it is a tab, also in strings."""
    parts = split(problem.prompt, problem.entry_point)
    below = (line for line in (parts.docstring + parts.body).split("\n") if line.strip())
    unit = indentation(next(below, ""))
    if not unit:
        return problem
    new = "    " if "\t" in unit else "\t"
    lines = [
        indentation(line).replace(unit, new) + line.lstrip() if line.strip() else line
        for line in problem.prompt.split("\n")
    ]
    return changed(problem, prompt="\n".join(lines))


def split_lines(problem: Problem, context: Context) -> Problem:
    """Breaks the line with the most characters in the middle of its words."""
    lines = problem.prompt.split("\n")
    candidates = _candidates(lines, problem.entry_point)
    if not candidates:
        return problem
    longest = max(candidates, key=lambda number: len("".join(lines[number].split())))
    lines[longest] = _in_two(lines[longest])
    return changed(problem, prompt="\n".join(lines))


def _candidates(lines: list[str], entry_point: str) -> list[int]:
    """Returns the numbers of the lines of two words outside of what looks like a docstring."""
    numbers = []
    inside = False
    for number, line in enumerate(lines):
        if '"""' in line or "'''" in line:
            inside = not inside  # wrong after a docstring of one line
        elif not inside and "#" not in line and entry_point not in line and " " in line.strip():
            numbers.append(number)
    return numbers


def _in_two(line: str) -> str:
    """Returns the line with a backslash in its middle; a string in double quotes is one word.

    Two mistakes of the original: a string after the first is looked up, at its place in the whole
    line, in the line already shortened; and the character after each string is lost. Blanks at the
    line's end stay there.
    """
    whole = line.rstrip()
    marks = [match.start() for match in re.finditer('"', whole)]
    hidden, strings = whole, []
    for start, end in zip(marks[::2], marks[1::2], strict=False):
        strings.append(hidden[start : end + 1])
        hidden = hidden[:start] + _HIDDEN + hidden[end + 2 :]
    words = hidden.strip().split(" ")
    half = len(words) // 2
    text = indentation(line) + " ".join([*words[:half], " \\\n ", *words[half:]])
    for string in strings:
        text = text.replace(_HIDDEN, string, 1)
    return text + line[len(whole) :]


def _docstring(problem: Problem) -> tuple[int, int] | None:
    """Returns where the docstring begins and ends, quotes included, or None without one."""
    prompt = problem.prompt
    quotes = split(prompt + problem.canonical_solution, problem.entry_point).quotes
    opening = prompt.find(quotes, max(prompt.find(problem.entry_point), 0))
    closing = prompt.find(quotes, opening + 3) if opening >= 0 else -1
    return (opening, closing + 3) if closing >= 0 else None
