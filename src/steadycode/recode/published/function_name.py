"""Function names as published: every occurrence of the letters in the prompt is replaced, in longer
words too; solution and test keep the old name."""

from collections.abc import Callable
from random import Random

from steadycode.problems import Problem
from steadycode.recode.published import docstring
from steadycode.recode.source import changed
from steadycode.recode.variant import Published


def renamed(problem: Problem, new_name: str) -> Problem:
    """``problem`` with ``new_name``, of which only letters, digits and ``_`` are kept, for the old
    name in the prompt. Unchanged when nothing is left of it; nothing else is checked."""
    name = "".join(c for c in new_name if c.isalnum() or c == "_")
    if not name:
        return problem
    prompt = problem.prompt.replace(problem.entry_point, name)
    return changed(problem, prompt=prompt, entry_point=name)


def camel_case(name: str) -> str:
    """``snake_case`` to ``snakeCase``, ``camelCase`` to ``camel_case``.

    >>> camel_case("has_close_elements"), camel_case("digitSum"), camel_case("_a_b")
    ('hasCloseElements', 'digit_sum', 'AB')
    """
    if "_" in name:
        first, *rest = name.split("_")
        return first + "".join(part[:1].upper() + part[1:] for part in rest)
    return name[:1] + "".join("_" + c.lower() if c.isupper() else c for c in name[1:])


def _camel(problem: Problem, seed: int, random: Random) -> Problem:
    return renamed(problem, camel_case(problem.entry_point))


def _slip(rule: Callable[[str, int], str]) -> Published:
    def apply(problem: Problem, seed: int, random: Random) -> Problem:
        return renamed(problem, rule(problem.entry_point, seed))

    return apply


APPLY: dict[str, Published] = {
    "FuncRenameCamelCase": _camel,
    "FuncRenameButterFinger": _slip(docstring.press_neighbours),
    "FuncRenameSwapChar": _slip(docstring.swap_neighbours),
    "FuncRenameChangeChar": _slip(docstring.change_case),
}
