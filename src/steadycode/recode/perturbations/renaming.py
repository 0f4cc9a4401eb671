"""Another name for the variable that the target uses most."""

import ast
import re
import string
from collections.abc import Callable

from steadycode.problems import Problem
from steadycode.recode.perturbations.prose import is_word, prose_lines
from steadycode.recode.perturbations.renamed_test import with_keywords
from steadycode.recode.perturbations.scopes import (
    free_name,
    is_free,
    name_without_place,
    reads_names,
    shared_names,
)
from steadycode.recode.source import Edit, Source, Span, changed, parameters
from steadycode.recode.variant import Context

_ATTEMPTS = 100
_WORDS_OF_ONE_LETTER = frozenset(("a", "A", "I"))
_ABBREVIATIONS = frozenset(
    ("arr", "lst", "str", "num", "nums", "txt", "tup", "dic", "mat", "idx", "elem", "lis", "strs")
)


def rename_naive(problem: Problem, context: Context) -> Problem:
    """Calls the variable ``VAR_0``, or takes the first number that is free."""
    source = Source(problem)
    number = 0
    while f"VAR_{number}" in source.names:
        number += 1
    return _rename_variable(source, lambda old: f"VAR_{number}")


def rename_random(problem: Problem, context: Context) -> Problem:
    """Gives the variable a name of random letters and digits, as many as the old name has."""
    source, random = Source(problem), context.random

    def new(old: str) -> str:
        for attempt in range(_ATTEMPTS):
            length = len(old) + attempt // 50  # every letter may be taken
            rest = random.choices(string.ascii_letters + string.digits, k=length - 1)
            name = random.choice(string.ascii_letters) + "".join(rest)
            if is_free(source, name):
                return name
        return old

    return _rename_variable(source, new)


def rename_by_plugin(problem: Problem, context: Context) -> Problem:
    """Takes the plug-in's name for the variable, mended where it is no name, or one in use."""
    plugin = context.plugins.name
    assert plugin is not None
    source = Source(problem)

    def new(old: str) -> str:
        name = re.sub(r"\W", "", plugin(problem, old)).lstrip(string.digits)
        if not name or name == old:
            return old
        return free_name(source, name, name + "2")

    return _rename_variable(source, new)


def _rename_variable(source: Source, new: Callable[[str], str]) -> Problem:
    """Renames the most used variable that the prompt shows; of equals, the first in the text."""
    uses = variable_uses(source)
    shown = {name: spans for name, spans in uses.items() if spans[0].start < source.cut}
    if not shown:
        return source.problem
    old = max(shown, key=lambda name: len(shown[name]))
    name = new(old)
    if name == old:
        return source.problem
    spans = shown[old]
    test = source.problem.test
    arguments = ast.walk(source.target.args)
    if any(isinstance(node, ast.arg) and node.arg == old for node in arguments):
        spans = spans + _mentions(source, old)
        test = with_keywords(source.problem, {old: name})
    return changed(source.edited(Edit(span, name) for span in spans), test=test)


def variable_uses(source: Source) -> dict[str, list[Span]]:
    """Returns where each parameter and local variable stands that can be renamed safely.

    Variables and their places are in the order of the text.
    """
    if reads_names(source):
        return {}
    uses, bound = dict[str, list[Span]](), set[str]()
    unsafe = {n.arg for n in ast.walk(source.tree) if isinstance(n, ast.keyword) and n.arg}
    unsafe |= shared_names(source) | _outer_names(source)
    for node in ast.walk(source.target):
        match node:
            case ast.Name(id=name, ctx=context):
                uses.setdefault(name, []).append(source.span(node))
                if not isinstance(context, ast.Load):
                    bound.add(name)
            case ast.arg(arg=name):
                start = source.span(node).start
                uses.setdefault(name, []).append(Span(start, start + len(name)))
                bound.add(name)
            case ast.JoinedStr():  # positions inside are not those of the text
                unsafe |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            case _:
                unsafe.add(name_without_place(node))
    variables = {name: sorted(uses[name], key=lambda span: span.start) for name in bound - unsafe}
    return {
        name: spans
        for name, spans in sorted(variables.items(), key=lambda item: item[1][0].start)
        if all(source.text_of(span) == name for span in spans)  # else it is spelt in two ways
    }


def _outer_names(source: Source) -> set[str]:
    """Returns the names in the target's decorators, defaults and annotations: the module's."""
    arguments = source.target.args
    outside: list[ast.expr | None] = [
        *source.target.decorator_list, *arguments.defaults, *arguments.kw_defaults,
        source.target.returns, *(parameter.annotation for parameter in parameters(source.target)),
    ]  # fmt: skip
    return {
        node.id
        for expression in outside
        if expression is not None
        for node in ast.walk(expression)
        if isinstance(node, ast.Name)
    }


def _mentions(source: Source, name: str) -> list[Span]:
    """Returns the words of the docstring's prose that mean the parameter.

    A word in backticks always does, any other only where it is no English word (``n``, ``arr``,
    ``max_len``). ``ParameterRenamed`` has a rule of its own. It follows names into quotes, comments
    and examples too, and need not tell a parameter ``a`` from the article, as it never renames
    that. One rule for both would change the variants of one of them.
    """
    word = re.escape(name)
    marked = rf"(?<=`){word}(?=`)"
    plain = rf"(?:(?<=[\s,;(\[])|^)(?<!\w\(){word}(?=[\s,;:)\]\[?!]|'(?!\w)|-th\b|\.(?!\w)|$)"
    rule = re.compile(marked if _may_be_word(name) else f"{marked}|{plain}")
    return [
        Span(line.start + match.start(), line.start + match.end())
        for line in prose_lines(source)
        for match in rule.finditer(source.text_of(line))
    ]


def _may_be_word(name: str) -> bool:
    if len(name) == 1:
        return name in _WORDS_OF_ONE_LETTER
    return is_word(name) and name not in _ABBREVIATIONS
