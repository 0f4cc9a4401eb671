"""Another name for the function, in the prompt, the solution and, where it is used, the test."""

import ast
import builtins
import keyword
import re
import tokenize
from collections.abc import Callable, Sequence

from steadycode.problems import Problem
from steadycode.recode.language.inflection import cased_like
from steadycode.recode.language.tagger import tag
from steadycode.recode.language.vocabulary import is_another_word
from steadycode.recode.perturbations import characters, english
from steadycode.recode.perturbations.prose import is_word, prose_lines
from steadycode.recode.perturbations.renamed_test import program_of_test
from steadycode.recode.source import Edit, Function, Source, Span, changed
from steadycode.recode.variant import Context, Rule

_ATTEMPTS = 20
_REWORDED = 0.5
_GOVERNING = frozenset(("can", "to", "will", "should", "must"))
"""Words behind which a verb stands as it is."""
_NAME_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def camel_case(name: str) -> str:
    """Turns ``snake_case`` into ``snakeCase`` and ``camelCase`` into ``camel_case``.

    Leading ``_`` stay.

    >>> camel_case("has_close_elements"), camel_case("digitSum"), camel_case("add")
    ('hasCloseElements', 'digit_sum', 'add')
    """
    bare = name.lstrip("_")
    lead = name[: len(name) - len(bare)]
    if "_" in bare.rstrip("_"):
        first, *rest = [part for part in bare.split("_") if part]
        return lead + first + "".join(part[0].upper() + part[1:] for part in rest)
    return lead + re.sub(r"(?<=[a-z0-9])[A-Z]", lambda m: "_" + m[0].lower(), bare)


def other_case(problem: Problem, context: Context) -> Problem:
    """Gives the function its name in the other of the two usual spellings."""
    name = camel_case(problem.entry_point)
    return rename(problem, name) if _is_free(problem, name) else problem


def slips(slip: characters.Slip) -> Rule:
    """Returns the rule that takes the first of a few slips that gives a name nothing else has."""

    def rule(problem: Problem, context: Context) -> Problem:
        for _ in range(_ATTEMPTS):
            (name,) = slip([problem.entry_point], context.random)
            if _is_free(problem, name) and not _says_another_word(problem.entry_point, name):
                return rename(problem, name)
        return problem

    return rule


def _says_another_word(before: str, after: str) -> bool:
    """Says whether a slip made one of the words of a name another word."""
    spans = (match.span() for match in _NAME_WORD.finditer(before))
    return any(is_another_word(before[start:end], after[start:end]) for start, end in spans)


def rewords(others: Callable[[str, str], Sequence[str]]) -> Rule:
    """Returns the rule that replaces words of the name, each in its own case.

    ``others`` gets a word and its Penn tag, and returns the words that may take its place.
    """

    def rule(problem: Problem, context: Context) -> Problem:
        name = problem.entry_point
        matches = list(_NAME_WORD.finditer(name))
        tags = tag([match[0].lower() for match in matches])
        choices = [others(m[0].lower(), kind) for m, kind in zip(matches, tags, strict=True)]
        for at in range(1, len(matches)):  # "can_arranged" is no name
            if matches[at - 1][0].lower() in _GOVERNING and tags[at].startswith("V"):
                choices[at] = []
        places = [at for at, words in enumerate(choices) if words and len(matches[at][0]) > 2]
        for _ in range(_ATTEMPTS if places else 0):
            text = name
            for at in reversed(english.some(places, _REWORDED, context.random)):
                word = cased_like(matches[at][0], context.random.choice(choices[at]))
                text = text[: matches[at].start()] + word + text[matches[at].end() :]
            if _is_free(problem, text):
                return rename(problem, text)
        return problem

    return rule


def _is_free(problem: Problem, name: str) -> bool:
    if not name.isidentifier() or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return False
    used = set(re.findall(r"\w+", problem.prompt + problem.canonical_solution + problem.test))
    return not hasattr(builtins, name) and name not in used


def rename(problem: Problem, name: str) -> Problem:
    """Returns ``problem`` with its function called ``name``; attributes of the old name stay."""
    source = Source(problem)
    old = problem.entry_point
    if _in_template(source, old):
        return problem
    edits = [Edit(span, name) for span in _uses(source, old)]
    edits += [Edit(span, name) for span in _mentions(source)]
    return changed(source.edited(edits), entry_point=name, test=_renamed_test(problem, name))


def _in_template(source: Source, name: str) -> bool:
    """Says whether an f-string uses the name; its parts have no positions before Python 3.12."""
    return any(
        isinstance(inner, ast.Name) and inner.id == name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.JoinedStr)
        for inner in ast.walk(node)
    )


def _uses(source: Source, name: str) -> list[Span]:
    """Returns where the code uses a name, but not as an attribute or as a call's keyword."""
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
    """Returns the whole words in docstring and comments that mean the function.

    A name that could be an English word (``add``) only counts where it is called or called a
    function, and in examples; ``sort_third`` and ``digitSum`` always do.
    """
    name = source.problem.entry_point
    whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    places = [t.span for t in source.tokens if t.kind == tokenize.COMMENT]
    places += [source.docstring] if source.docstring else []
    prose = prose_lines(source)
    mentions = []
    for place in places:
        for match in whole.finditer(source.text, place.start, place.end):
            in_prose = any(line.start <= match.start() < line.end for line in prose)
            if not in_prose or not is_word(name) or _is_call(source.text, match):
                mentions.append(Span(*match.span()))
    return mentions


def _is_call(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()], text[match.end() :]
    return after.startswith("(") or before.endswith("`") or bool(re.search(r"function $", before))


def _renamed_test(problem: Problem, name: str) -> str:
    """Returns the test after the renaming: most call ``candidate``, a few the function itself."""
    old = problem.entry_point
    if old not in problem.test:
        return problem.test
    test = program_of_test(problem)
    if any(isinstance(node, Function) and node.name == old for node in test.tree.body):
        return problem.test  # its own function of that name, such as ``check``
    return test.edited(Edit(span, name) for span in _uses(test, old)).canonical_solution
