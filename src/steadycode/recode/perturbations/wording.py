"""The same request in the words that people use with assistants, in chats and in a hurry."""

import ast
import re
from itertools import pairwise
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations.parameter_name import is_english
from steadycode.recode.perturbations.prose import content, described, matches, prose_lines
from steadycode.recode.source import Edit, Source, Span, parameters

_IMPERATIVE = re.compile(
    r"(Write|Create|Implement|Complete|Return|Find|Check|Filter|Insert|Concatenate|Add|Change"
    r"|Evaluate|Sort|Count|Compute|Calculate|Convert|Remove|Generate|Determine|Define)(?= )"
)
_ARTICLE = re.compile(
    r"(?<![^\s(])(?P<article>the|an|a|The|An|A) +(?=(?P<following>[A-Za-z][\w-]*))"
    r"|(?<=\w) (?P<last>the|an|a)(?= ?\n)"
)
_AFTER_A_NAME = frozenset(
    ("and", "or", "is", "of", "to", "in", "such", "where", "are", "with", "has", "if", "then")
)
_ARTICLE_LIKE = ("a", "A")
_EXAMPLES_HEADING = re.compile(r"\s*(for\s+)?examples?\b.*:\s*$", re.I)


def polite_request(problem: Problem, random: Random) -> Problem:
    """``Write ...`` becomes ``Please write ...``; other texts get a sentence that asks for help."""
    source = Source(problem)
    start = _first_letter(source)
    if start is None:
        return problem
    verb = _IMPERATIVE.match(source.text, start)
    if verb:
        return source.edited([Edit(Span(*verb.span()), f"Please {verb[0].lower()}")])
    mark = "." if source.text[start].isupper() else ":"
    return source.edited([Edit(Span(start, start), f"Please help me with this{mark} ")])


def _first_letter(source: Source) -> int | None:
    """Where the description begins, after a title such as ``Task``; None if that is not prose."""
    for line in prose_lines(source)[:2] if described(source) else ():
        text = source.text[line.start : line.end]
        if text.strip().lower().rstrip(":") not in ("task", "description", "problem"):
            start = line.start + len(text) - len(text.lstrip())
            return start if source.text[start].isalpha() else None
    return None


def articles_dropped(problem: Problem, random: Random) -> Problem:
    """Prose without ``a``, ``an`` and ``the``; a sentence still begins with a capital."""
    source = Source(problem)
    edits = []
    for match in matches(source, _ARTICLE):
        article, following = match["article"] or match["last"], match["following"] or ""
        if article.lower() == "a" and (article in source.names or following in _AFTER_A_NAME):
            continue
        if article[0].isupper() and following.islower() and following not in source.names:
            edits.append(Edit(Span(match.start(), match.end() + 1), following[0].upper()))
        else:
            edits.append(Edit(Span(*match.span()), ""))
    return source.edited(edits)


def backticked_names(problem: Problem, random: Random) -> Problem:
    """Parameters and True, False, None in backticks, as in Markdown."""
    source = Source(problem)
    given = {p.arg for p in parameters(source.target) if not is_english(p.arg)}
    names = "|".join(sorted({*given.difference(_ARTICLE_LIKE), "True", "False", "None"}))
    # "a" only where no noun follows
    names += "".join(
        rf"|{name}(?= and | or |[,.)\n]| *\n)" for name in _ARTICLE_LIKE if name in given
    )
    whole = re.compile(rf"(?<![\w'`./@^-])({names})(?![\w'`/(\[^-]|\.\w)")
    return source.edited(
        Edit(Span(*match.span()), f"`{match[1]}`") for match in matches(source, whole)
    )


def examples_in_prose(problem: Problem, random: Random) -> Problem:
    """``>>> f(1)`` and ``2`` become ``For example, `f(1)` returns `2`.``, all of them or none."""
    source = Source(problem)
    if not described(source):
        return problem
    inside = content(source)
    lines = _lines(source.text, inside)
    starts = [number for number, line in enumerate(lines) if _text(source, line)[:3] == ">>>"]
    edits: list[Edit] = []
    for number, following in pairwise([*starts, len(lines)]):
        output = lines[number + 1 : following]
        block = next((i for i, line in enumerate(output) if not _text(source, line)), len(output))
        sentence = _sentence(_text(source, lines[number]), [_text(source, line)
                                                           for line in output[:block]])  # fmt: skip
        if sentence is None:
            return problem
        headed = number and _EXAMPLES_HEADING.match(_text(source, lines[number - 1]))
        lead = "" if edits or headed else "For example, "
        start = lines[number].start + len(source.indentation(lines[number].start))
        edits.append(Edit(Span(start, lines[number + block].end), lead + sentence))
    return source.edited(edits)


def _sentence(call: str, output: list[str]) -> str | None:
    """None for what is not one call with at most one line of output."""
    expression = call[3:].strip()
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    whole = tree.end_col_offset == len(expression.encode())  # else a comment follows
    if (
        not isinstance(tree, ast.Call)
        or not whole
        or len(output) > 1
        or "`" in "".join([call, *output])
    ):
        return None
    if getattr(tree.func, "id", "") == "print" or (output and output[0].startswith("Traceback")):
        return None
    return f"`{expression}` returns `{output[0] if output else None}`."


def _lines(text: str, inside: Span) -> list[Span]:
    """The lines of a part of the text, without their ends."""
    ends = [match.start() for match in re.compile("\n").finditer(text, inside.start, inside.end)]
    return [
        Span(start, end)
        for start, end in zip(
            [inside.start, *(end + 1 for end in ends)], [*ends, inside.end], strict=True
        )
    ]


def _text(source: Source, line: Span) -> str:
    return source.text[line.start : line.end].strip()
