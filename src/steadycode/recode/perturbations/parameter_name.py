"""Another name for a parameter, in the signature, the body, the docstring and the test."""

import re
import tokenize
from collections.abc import Iterator

from steadycode.problems import Problem
from steadycode.recode.perturbations.prose import described, docstring_lines
from steadycode.recode.perturbations.renamed_test import with_keywords
from steadycode.recode.perturbations.renaming import variable_uses
from steadycode.recode.source import Edit, Source, Span, changed, parameters
from steadycode.recode.variant import Context

_ALTERNATIVES = {
    "n": "num", "num": "number", "number": "num", "N": "n", "K": "k", "x1": "x_1", "y1": "y_1",
    "x2": "x_2", "y2": "y_2", "lst": "items", "list": "items", "l": "items", "my_list": "items",
    "test_list": "items", "input_list": "items", "items": "values", "values": "items",
    "xs": "values", "arr": "array", "array": "arr", "nums": "numbers", "numbers": "nums",
    "test_tup": "values", "test_tuple": "values", "tup": "values", "tuplex": "values",
    "test_dict": "mapping", "dict": "mapping", "dict1": "mapping", "s": "text", "S": "text",
    "string": "text", "str": "text", "txt": "text", "test_str": "text", "str1": "text",
    "paren_string": "text", "music_string": "text", "message": "text", "sentence": "text",
    "brackets": "text", "word": "text", "text": "string", "words": "strings", "ch": "char",
    "char": "ch", "value": "val", "index": "idx", "element": "item", "item": "element",
    "sum": "total", "input": "data", "data": "values", "threshold": "limit", "grid": "matrix",
    "operations": "ops", "grades": "scores", "file_name": "filename", "date": "date_string",
    "pattern": "regex", "class_name": "name", "operator": "operators", "operand": "operands",
}  # fmt: skip
_ORDINALS = {"1": "first", "2": "second", "3": "third"}
_NUMBERED = re.compile(r"(?:list|lst|nums|l|arr|num|str|text|word|test_list|test_tup|tup|planet"
                       r"|interval|number|array|string)_?([123])")  # fmt: skip
_EVIDENCE = {"text": r"string|text|word|sentence", "items": r"list|array|items"}
"""A new name that says what the value is, and the words of which one has to be in the signature or
the docstring: nobody calls a value ``text`` that is not said to be one."""
_STRING = re.compile(r"(?<!\w)(['\"])(?=\S).*?(?<=\S)\1(?!\w)")
_ABBREVIATED = frozenset(("lst", "arr", "nums", "num", "str", "txt", "tup", "dict"))


def rename_parameters(problem: Problem, context: Context) -> Problem:
    """Gives parameters the other name that is usual for them, also where they are mentioned."""
    source = Source(problem)
    uses = variable_uses(source)
    taken = {*source.names, *re.findall(r"\w+", problem.test)}
    names: dict[str, str] = {}
    for parameter in parameters(source.target):
        old = parameter.arg
        new = _alternative(source, old)
        if new and new not in taken and old in uses:
            names[old] = new
            taken.add(new)
    edits = [
        Edit(span, new)
        for old, new in names.items()
        for span in {*uses[old], *_mentions(source, old)}
    ]
    return changed(source.edited(edits), test=with_keywords(problem, names))


def _alternative(source: Source, name: str) -> str:
    """Returns the other usual name of a parameter; nothing where there is none."""
    numbered = _NUMBERED.fullmatch(name)
    several = sum(_NUMBERED.fullmatch(p.arg) is not None for p in parameters(source.target)) > 1
    new = _ORDINALS[numbered[1]] if numbered and several else _ALTERNATIVES.get(name, "")
    said = source.text[source.span(source.target).start : source.body_start]
    said = re.sub(rf"\b{name}\b", "", said) if len(name) < 3 else said
    return new if re.search(_EVIDENCE.get(new, ""), said, re.I) else ""


def _mentions(source: Source, name: str) -> Iterator[Span]:
    """Yields the whole words of docstring and comments that mean the parameter.

    What could be an English word (``number``, but not ``n`` or ``lst1``) counts in quotes, in
    ``number = `` and in ``len(number)``. Of doctests, only the keywords of calls count.
    """
    quoted = rf"(?<=['`]){name}(?=['`])|(?<![\w'\"]){name}(?= =[^=])|(?<=len\(){name}(?=\))"
    bare = rf"(?<![\w'\"\\.]){name}(?![\w'\"]|-th\b)|(?<!\w){name}(?=')(?!'\w)"
    whole = re.compile(quoted if is_english(name) else f"{quoted}|{bare}")
    keyword = re.compile(rf"(?<![\w.]){name}(?=\s*=[^=])")
    places = [token.span for token in source.tokens if token.kind == tokenize.COMMENT]
    in_doctest = False
    for line in docstring_lines(source) if described(source) else []:
        text = source.text_of(line).strip()
        in_doctest = text.startswith(">>>") or (in_doctest and bool(text))
        if in_doctest:
            for match in keyword.finditer(source.text, line.start, line.end):
                yield Span(*match.span())
        else:
            places.append(line)
    for place in places:
        yield from _outside_strings(source, whole, place)


def _outside_strings(source: Source, word: re.Pattern[str], place: Span) -> Iterator[Span]:
    """Yields the matches of a word, but not inside a longer text in quotes, which is a value."""
    strings = [match.span() for match in _STRING.finditer(source.text, place.start, place.end)]
    for match in word.finditer(source.text, place.start, place.end):
        start, end = match.span()
        if not any(a < start - 1 or end + 1 < b for a, b in strings if a < end and start < b):
            yield Span(start, end)


def is_english(name: str) -> bool:
    """Says whether a name could be a word of the sentence: ``number``, but not ``n`` or ``lst``."""
    return name.isalpha() and name.islower() and len(name) > 2 and name not in _ABBREVIATED
