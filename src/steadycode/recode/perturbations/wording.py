"""The same request in the words that people use with assistants, in chats and in a hurry."""

import ast
import re
from itertools import pairwise, takewhile

from steadycode.problems import Problem
from steadycode.recode.perturbations.parameter_name import is_english
from steadycode.recode.perturbations.prose import (
    described,
    docstring_lines,
    matches,
    prose_lines,
)
from steadycode.recode.source import Edit, Source, Span, parameters
from steadycode.recode.variant import Context

_IMPERATIVE = re.compile(
    r"(Write|Create|Implement|Complete|Return|Find|Check|Filter|Insert|Concatenate|Add|Change"
    r"|Evaluate|Sort|Count|Compute|Calculate|Convert|Remove|Generate|Determine|Define)(?= )"
)
_ARTICLE = re.compile(
    r"(?<![^\s(])(?P<article>the|an|a|The|An|A) +(?=(?P<following>[A-Za-z][\w-]*))"
    r"|(?<=\w) (?P<last>the|an|a)(?= ?\n)"
)
_AFTER_A_NAME = frozenset(
    ("and", "or", "is", "of", "to", "in", "such", "where", "are", "with", "has", "if", "then",
     "followed", "at", "appears", "as", "by", "for", "from", "on", "than")
)  # fmt: skip
_NAMED_LETTER = re.compile(r"\b(the|an?|letters?|char(acter)?s?|vowels?|sides?|between) $", re.I)
"""What stands before a letter that is meant as such: ``an a``."""
_OPERATORS = frozenset("+-*/=<>%^|&!~≤≥≠×÷√·")
_OPERATOR_WORDS = ("mod", "modulo", "times", "div", "xor")
_ARTICLE_LIKE = ("a", "A")
_EXAMPLES_HEADING = re.compile(r"\s*(for\s+)?examples?\b.*:\s*$", re.I)


def polite_request(problem: Problem, context: Context) -> Problem:
    """Asks politely: ``Please write ...``, or a sentence that asks for help before other texts."""
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
    """Returns where the description begins, after a title such as ``Task``.

    It returns None where the description does not begin with a letter of prose.
    """
    for line in prose_lines(source)[:2] if described(source) else ():
        text = source.text_of(line)
        if text.strip().lower().rstrip(":") not in ("task", "description", "problem"):
            start = line.start + len(text) - len(text.lstrip())
            return start if source.text[start].isalpha() else None
    return None


def drop_articles(problem: Problem, context: Context) -> Problem:
    """Drops ``a``, ``an`` and ``the`` from prose; a sentence still begins with a capital."""
    source = Source(problem)
    edits = []
    for match in matches(source, _ARTICLE):
        article, following = match["article"] or match["last"], match["following"] or ""
        if article.lower() == "a" and (article in source.names or following in _AFTER_A_NAME):
            continue
        if _NAMED_LETTER.search(source.text, 0, match.start()):
            continue
        if article[0].isupper() and following.islower() and following not in source.names:
            edits.append(Edit(Span(match.start(), match.end() + 1), following[0].upper()))
        else:
            edits.append(Edit(Span(*match.span()), ""))
    return source.edited(edits)


def names_in_backticks(problem: Problem, context: Context) -> Problem:
    """Puts parameters and True, False, None into backticks, as in Markdown."""
    source = Source(problem)
    marked = {p.arg for p in parameters(source.target) if not is_english(p.arg)}
    names = "|".join(sorted({*marked.difference(_ARTICLE_LIKE), "True", "False", "None"}))
    # "a" only where no noun follows
    names += "".join(
        rf"|{name}(?= and | or |[,.)\n]| *\n)" for name in _ARTICLE_LIKE if name in marked
    )
    whole = re.compile(rf"(?<![\w'`./@^-])({names})(?![\w'`/(\[^-]|\.\w)")
    return source.edited(
        Edit(Span(*match.span()), f"`{match[1]}`")
        for match in matches(source, whole)
        if not _in_expression(source.text, match)
    )


def _in_expression(text: str, match: re.Match[str]) -> bool:
    """Says whether a name is a part of ``2 * n`` or of ``range(1, n)``: beside an operator, after a
    number, or in the brackets of a call."""
    if re.search(r"\w\([^()\n]*$", text[: match.start()]):
        return True
    before, after = text[: match.start()].rstrip(" ("), text[match.end() :].lstrip(" )")
    last = before.rsplit(maxsplit=1)[-1:] if before[-1:].isalpha() else []
    first = after.split(maxsplit=1)[:1]
    return (
        before[-1:] in _OPERATORS
        or after[:1] in _OPERATORS
        or before[-1:].isdigit()
        or any(word in _OPERATOR_WORDS for word in (*last, *first))
    )


def examples_in_prose(problem: Problem, context: Context) -> Problem:
    """Makes ``>>> f(1)`` and ``2`` ``For example, `f(1)` returns `2`.``, all of them or none."""
    source = Source(problem)
    if not described(source):
        return problem
    lines = docstring_lines(source)
    texts = [source.text_of(line).strip() for line in lines]
    starts = [number for number, text in enumerate(texts) if text.startswith(">>>")]
    edits: list[Edit] = []
    for number, following in pairwise([*starts, len(lines)]):
        output = list(takewhile(bool, texts[number + 1 : following]))
        sentence = _sentence(texts[number], output)
        if sentence is None:
            return problem
        headed = number and _EXAMPLES_HEADING.match(texts[number - 1])
        lead = "" if edits or headed else "For example, "
        start = lines[number].start + len(source.indentation(lines[number].start))
        edits.append(Edit(Span(start, lines[number + len(output)].end), lead + sentence))
    return source.edited(edits)


def _sentence(call: str, output: list[str]) -> str | None:
    """Returns None for what is not one call with at most one line of output."""
    expression = call[3:].strip()
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    whole = tree.end_col_offset == len(expression.encode())  # else a comment follows
    if not isinstance(tree, ast.Call) or not whole or len(output) > 1:
        return None
    if isinstance(tree.func, ast.Name) and tree.func.id == "print":
        return None
    result = output[0] if output else "None"
    if result.startswith("Traceback") or "`" in call + result:
        return None
    return f"`{expression}` returns `{result}`."
