"""Another name for the function, in the prompt, the solution and, where it is used, the test."""

import ast
import builtins
import keyword
import re
import tokenize
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from steadycode.errors import DataError
from steadycode.problems import Problem
from steadycode.recode.language.inflection import cased_like
from steadycode.recode.language.synonyms import synonyms
from steadycode.recode.language.tagger import tag
from steadycode.recode.perturbations import characters, english
from steadycode.recode.perturbations.prose import prose_lines
from steadycode.recode.source import Edit, Function, Source, Span, changed
from steadycode.recode.variant import Perturbation, Plugged

_ATTEMPTS = 20
_REWORDED = 0.5
_NAME_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def camel_case(name: str) -> str:
    """``snake_case`` to ``snakeCase``, ``camelCase`` to ``camel_case``; leading ``_`` stay.

    >>> camel_case("has_close_elements"), camel_case("digitSum"), camel_case("add")
    ('hasCloseElements', 'digit_sum', 'add')
    """
    bare = name.lstrip("_")
    lead = name[: len(name) - len(bare)]
    if "_" in bare.rstrip("_"):
        first, *rest = [part for part in bare.split("_") if part]
        return lead + first + "".join(part[0].upper() + part[1:] for part in rest)
    return lead + re.sub(r"(?<=[a-z0-9])[A-Z]", lambda m: "_" + m[0].lower(), bare)


def _camel(problem: Problem, random: Random) -> Problem:
    name = camel_case(problem.entry_point)
    return rename(problem, name) if _is_free(problem, name) else problem


def _slip(slip: characters.Slip, problem: Problem, random: Random) -> Problem:
    """The first of a few slips that gives a name that nothing else uses."""
    for _ in range(_ATTEMPTS):
        (name,) = slip([problem.entry_point], random)
        if _is_free(problem, name):
            return rename(problem, name)
    return problem


def _reword(
    others: Callable[[str, str], Sequence[str]], problem: Problem, random: Random
) -> Problem:
    """One or more words of the name replaced by other words, each kept in its own case."""
    name = problem.entry_point
    matches = list(_NAME_WORD.finditer(name))
    tags = tag([match[0].lower() for match in matches])
    choices = [others(match[0].lower(), kind) for match, kind in zip(matches, tags, strict=True)]
    places = [at for at, found in enumerate(choices) if found and len(matches[at][0]) > 2]
    for _ in range(_ATTEMPTS if places else 0):
        text = name
        for at in reversed(english.some(places, _REWORDED, random)):
            word = cased_like(matches[at][0], random.choice(choices[at]))
            text = text[: matches[at].start()] + word + text[matches[at].end() :]
        if _is_free(problem, text):
            return rename(problem, text)
    return problem


def _is_free(problem: Problem, name: str) -> bool:
    if not name.isidentifier() or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return False
    used = set(re.findall(r"\w+", problem.prompt + problem.canonical_solution + problem.test))
    return not hasattr(builtins, name) and name not in used


def rename(problem: Problem, name: str) -> Problem:
    """``problem`` with its function called ``name``; attributes of the old name stay."""
    source = Source(problem)
    old = problem.entry_point
    if _in_template(source, old):
        return problem
    edits = [Edit(span, name) for span in _uses(source, old)]
    edits += [Edit(span, name) for span in _mentions(source)]
    return changed(source.edited(edits), entry_point=name, test=_renamed_test(problem, name))


def _in_template(source: Source, name: str) -> bool:
    """Used inside an f-string, whose parts have no positions before Python 3.12."""
    return any(
        isinstance(inner, ast.Name) and inner.id == name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.JoinedStr)
        for inner in ast.walk(node)
    )


def _uses(source: Source, name: str) -> list[Span]:
    """Neither attributes of that name nor the keywords of a call."""
    keywords = {
        source.span(node).start
        for node in ast.walk(source.tree)
        if isinstance(node, ast.keyword) and node.arg == name
    }
    return [
        token.span
        for before, token in zip([None, *source.tokens], source.tokens, strict=False)
        if token.kind == tokenize.NAME and token.text == name
        and not (before and before.text == ".") and token.span.start not in keywords
    ]  # fmt: skip


def _mentions(source: Source) -> list[Span]:
    """Whole words in docstring and comments that mean the function.

    A name that could be an English word (``add``) only counts where it is called or called a
    function, and in examples; ``sort_third`` and ``digitSum`` always do.
    """
    name = source.problem.entry_point
    whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    places = [t.span for t in source.tokens if t.kind == tokenize.COMMENT]
    places += [source.docstring] if source.docstring else []
    prose = prose_lines(source) if source.docstring else []
    found = []
    for place in places:
        for match in whole.finditer(source.text, place.start, place.end):
            in_prose = any(line.start <= match.start() < line.end for line in prose)
            if not in_prose or not _is_word(name) or _is_call(source.text, match):
                found.append(Span(*match.span()))
    return found


def _is_word(name: str) -> bool:
    return name.isalpha() and (name.islower() or name.istitle())


def _is_call(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()], text[match.end() :]
    return after.startswith("(") or before.endswith("`") or bool(re.search(r"function $", before))


def _renamed_test(problem: Problem, name: str) -> str:
    """Tests call ``candidate``; the few that call the function by its own name follow it."""
    if problem.entry_point not in problem.test:
        return problem.test
    test = Source(changed(problem, prompt="", canonical_solution=problem.test))
    try:
        if any(isinstance(n, Function) and n.name == problem.entry_point for n in test.tree.body):
            return problem.test  # ``check``, say, is its own
        uses = _uses(test, problem.entry_point)
    except DataError as error:
        fault = f"{problem.task_id}: the test is not valid Python ({error.__cause__ or error})"
        raise DataError(f"{fault}; mend the problem") from error
    return test.edited(Edit(span, name) for span in uses).canonical_solution


RANDOM: dict[str, Perturbation] = {
    "FuncRenameButterFinger": partial(_slip, characters.press_neighbours),
    "FuncRenameSwapChar": partial(_slip, characters.swap_neighbours),
    "FuncRenameChangeChar": partial(_slip, characters.change_case),
    "FuncRenameInflectionalVariation": partial(_reword, english.other_forms),
    "FuncRenameSynonymSub": partial(_reword, synonyms),
}
FIXED: dict[str, Perturbation] = {"FuncRenameCamelCase": _camel}
PLUGGED: dict[str, tuple[str, Plugged]] = {}
"""Name -> the plug-in that it needs, and its rule."""
