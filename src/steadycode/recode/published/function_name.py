"""Function names as published: every occurrence of the letters in the prompt is replaced, in longer
words too; solution and test keep the old name."""

from steadycode.problems import Problem
from steadycode.recode.published.docstring import TextRule
from steadycode.recode.source import changed
from steadycode.recode.variant import Context, Rule


def in_name(rule: TextRule) -> Rule:
    """Returns the rule that perturbs the function's name by ``rule`` and the bare seed."""

    def apply(problem: Problem, context: Context) -> Problem:
        return renamed(problem, rule(problem.entry_point, context.seed))

    return apply


def in_name_words(rule: TextRule) -> Rule:
    """Returns the rule that perturbs the words of the name as if they were a sentence.

    A camel-case name is turned into a snake-case one and back.
    """

    def apply(problem: Problem, context: Context) -> Problem:
        name = problem.entry_point
        snake = name if "_" in name else camel_case(name)
        after = rule(snake.replace("_", " "), context.seed).replace(" ", "_")
        return renamed(problem, after if "_" in name else camel_case(after))

    return apply


def other_case(problem: Problem, context: Context) -> Problem:
    """Gives the function its name in the other of the two usual spellings."""
    return renamed(problem, camel_case(problem.entry_point))


def renamed(problem: Problem, new_name: str) -> Problem:
    """Returns ``problem`` with ``new_name`` for the old name in the prompt.

    Only the letters, digits and ``_`` of the new name are kept. The problem comes back unchanged
    when nothing is left of it; nothing else is checked.
    """
    name = "".join(c for c in new_name if c.isalnum() or c == "_")
    if not name:
        return problem
    prompt = problem.prompt.replace(problem.entry_point, name)
    return changed(problem, prompt=prompt, entry_point=name)


def camel_case(name: str) -> str:
    """Turns ``snake_case`` into ``snakeCase`` and ``camelCase`` into ``camel_case``.

    >>> camel_case("has_close_elements"), camel_case("digitSum"), camel_case("_a_b")
    ('hasCloseElements', 'digit_sum', 'AB')
    """
    if "_" in name:
        first, *rest = name.split("_")
        return first + "".join(part[:1].upper() + part[1:] for part in rest)
    return name[:1] + "".join("_" + c.lower() if c.isupper() else c for c in name[1:])
