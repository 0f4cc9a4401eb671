"""Another name for the variable that the target uses most."""

import ast
import re
import string
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from steadycode.errors import DataError
from steadycode.problems import Problem
from steadycode.recode.perturbations.prose import prose_lines
from steadycode.recode.perturbations.scopes import (
    free_name,
    is_free,
    reads_names,
    shared_names,
)
from steadycode.recode.source import Edit, Source, Span, changed, parameters, tokenized
from steadycode.recode.variant import Plugin

_ATTEMPTS = 100
_NOT_VARIABLES = frozenset(("a", "A", "I"))
"""Letters that are words of the language."""
_ABBREVIATIONS = frozenset(
    ("arr", "lst", "str", "num", "nums", "txt", "tup", "dic", "mat", "idx", "elem", "lis", "strs")
)


def rename_naive(problem: Problem, random: Random) -> Problem:
    """``VAR_0``, or the first number that is free."""
    source = Source(problem)
    number = 0
    while f"VAR_{number}" in source.names:
        number += 1
    return _rename_variable(source, lambda old: f"VAR_{number}")


def rename_random(problem: Problem, random: Random) -> Problem:
    """Letters and digits, as many as the old name has."""
    source = Source(problem)

    def new(old: str) -> str:
        for attempt in range(_ATTEMPTS):
            length = len(old) + attempt // 50  # every letter may be taken
            rest = random.choices(string.ascii_letters + string.digits, k=length - 1)
            name = random.choice(string.ascii_letters) + "".join(rest)
            if is_free(source, name):
                return name
        return old

    return _rename_variable(source, new)


def rename_by(problem: Problem, plugin: Plugin) -> Problem:
    """What the plug-in calls it: mended where that is no name, or one that is taken."""
    source = Source(problem)

    def new(old: str) -> str:
        name = re.sub(r"\W", "", plugin(problem, old)).lstrip(string.digits)
        if not name or name == old:
            return old
        return free_name(source, name, name + "2")

    return _rename_variable(source, new)


@dataclass(slots=True)
class _Variable:
    """``uses``: where it stands in the target, in the order of the text."""

    uses: list[Span] = field(default_factory=list)
    is_parameter: bool = False


def _rename_variable(source: Source, new: Callable[[str], str]) -> Problem:
    """The target's most used variable that can be seen before the cut, the first of equals."""
    variables = _variables(source)
    visible = {n: v for n, v in variables.items() if v.uses[0].start < source.cut}
    if not visible:
        return source.problem
    old = max(visible, key=lambda name: len(visible[name].uses))
    name = new(old)
    if name == old:
        return source.problem
    spans = list(visible[old].uses)
    test = source.problem.test
    if visible[old].is_parameter:
        spans += _mentions(source, old)
        test = _renamed_keywords(source.problem, old, name)
    return changed(source.edited(Edit(span, name) for span in spans), test=test)


def variable_uses(source: Source) -> dict[str, list[Span]]:
    """Variables that can be renamed safely -> where they stand, in the order of the text."""
    return {name: variable.uses for name, variable in _variables(source).items()}


def _variables(source: Source) -> dict[str, _Variable]:
    """Parameters and local variables that can be renamed safely, in the order of the text."""
    if reads_names(source):
        return {}
    found, bound = dict[str, _Variable](), set[str]()
    unsafe = {n.arg for n in ast.walk(source.tree) if isinstance(n, ast.keyword) and n.arg}
    unsafe |= shared_names(source) | _outer_names(source)
    for node in ast.walk(source.target):
        match node:
            case ast.Name(id=name, ctx=context):
                found.setdefault(name, _Variable()).uses.append(source.span(node))
                if not isinstance(context, ast.Load):
                    bound.add(name)
            case ast.arg(arg=name):
                start = source.span(node).start
                found.setdefault(name, _Variable()).uses.append(Span(start, start + len(name)))
                bound.add(name)
            case ast.JoinedStr():  # positions inside are not those of the text
                unsafe |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                unsafe.add(name)
            case ast.alias(name=name, asname=asname):
                unsafe.add(asname or name.partition(".")[0])
    for node in ast.walk(source.target.args):
        if isinstance(node, ast.arg) and node.arg in found:
            found[node.arg].is_parameter = True
    variables = {name: found[name] for name in bound - unsafe}
    for variable in variables.values():
        variable.uses.sort(key=lambda span: span.start)
    ordered = sorted(variables.items(), key=lambda item: item[1].uses[0].start)
    return {
        name: variable
        for name, variable in ordered
        if all(source.text[span.start : span.end] == name for span in variable.uses)
    }


def _outer_names(source: Source) -> set[str]:
    """Names in the target's decorators, defaults and annotations: those of the module."""
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
    """Words of the docstring's prose that mean the parameter: in backticks, or one that is no
    English word (``n``, ``arr``, ``max_len``)."""
    if source.docstring is None:
        return []
    word = re.escape(name)
    marked = re.compile(rf"(?<=`){word}(?=`)")
    plain = re.compile(
        rf"(?:(?<=[\s,;(\[])|^)(?<!\w\(){word}(?=[\s,;:)\]\[?!]|'(?!\w)|-th\b|\.(?!\w)|$)"
    )
    rules = [marked] if _is_word(name) else [marked, plain]
    return sorted(
        {
            Span(line.start + match.start(), line.start + match.end())
            for line in prose_lines(source)
            for rule in rules
            for match in rule.finditer(source.text[line.start : line.end])
        },
        key=lambda span: span.start,
    )


def _is_word(name: str) -> bool:
    if len(name) == 1:
        return name in _NOT_VARIABLES
    if name in _ABBREVIATIONS:
        return False
    return name.isalpha() and (name.islower() or name.istitle())


def _renamed_keywords(problem: Problem, old: str, new: str) -> str:
    """The test with the parameter's new name where it calls the candidate by keyword."""
    if not re.search(rf"\b{re.escape(old)}\s*=", problem.test):
        return problem.test
    try:
        tree, tokens = ast.parse(problem.test), tokenized(problem.test)
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        fault = f"{problem.task_id}: the test is not valid Python ({error})"
        raise DataError(f"{fault}; mend the problem") from error
    functions = ("candidate", problem.entry_point)
    keywords = [
        (node.lineno, node.col_offset)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in functions
        for node in call.keywords
        if node.arg == old
    ]
    text = problem.test
    lines = text.split("\n")
    starts = {
        sum(len(line) + 1 for line in lines[: row - 1])
        + len(lines[row - 1].encode()[:column].decode(errors="ignore"))
        for row, column in keywords
    }
    for token in reversed(tokens):
        if token.span.start in starts and token.text == old:
            text = text[: token.span.start] + new + text[token.span.end :]
    return text
