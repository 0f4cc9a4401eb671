"""Another name for a parameter, in the signature, the body, the docstring and the test."""

import ast
import re
import tokenize
from collections.abc import Iterator
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations.prose import content, described
from steadycode.recode.perturbations.renaming import variable_uses
from steadycode.recode.source import Edit, Source, Span, changed, parameters

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
"""A name that says what the value is needs a word for it in the signature or the docstring."""
_ABBREVIATED = frozenset(("lst", "arr", "nums", "num", "str", "txt", "tup", "dict"))


def parameter_renamed(problem: Problem, random: Random) -> Problem:
    """Parameters with a usual other name get it, also where they are mentioned."""
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
    return changed(source.edited(edits), test=_with_keywords(problem, names))


def _alternative(source: Source, name: str) -> str:
    numbered = _NUMBERED.fullmatch(name)
    several = sum(_NUMBERED.fullmatch(p.arg) is not None for p in parameters(source.target)) > 1
    new = _ORDINALS[numbered[1]] if numbered and several else _ALTERNATIVES.get(name, "")
    said = source.text[source.span(source.target).start : source.body_start]
    said = re.sub(rf"\b{name}\b", "", said) if len(name) < 3 else said
    return new if re.search(_EVIDENCE.get(new, ""), said, re.I) else ""


def _mentions(source: Source, name: str) -> Iterator[Span]:
    """Whole words of docstring and comments that mean the parameter.

    What could be an English word (``number``, but not ``n`` or ``lst1``) counts in quotes and in
    ``number = ``; in doctests only keywords count.
    """
    quoted = rf"(?<=['`]){name}(?=['`])|(?<![\w'\"]){name}(?= =[^=])|(?<=len\(){name}(?=\))"
    bare = rf"(?<![\w'\"\\.]){name}(?![\w'\"]|-th\b)|(?<!\w){name}(?=')(?!'\w)"
    whole = re.compile(quoted if is_english(name) else f"{quoted}|{bare}")
    keyword = re.compile(rf"(?<![\w.]){name}(?=\s*=[^=])")
    strings = re.compile(r"(?<!\w)(['\"])(?=\S).*?(?<=\S)\1(?!\w)")
    inside = content(source) if described(source) else Span(0, 0)
    places = [token.span for token in source.tokens if token.kind == tokenize.COMMENT]
    in_doctest = False
    for line in _lines(source.text, inside):
        text = source.text[line.start : line.end].strip()
        in_doctest = text.startswith(">>>") or (in_doctest and bool(text))
        if in_doctest:
            yield from (
                Span(*m.span()) for m in keyword.finditer(source.text, line.start, line.end)
            )
        else:
            places.append(line)
    for place in places:
        kept = [m.span() for m in strings.finditer(source.text, place.start, place.end)]
        for match in whole.finditer(source.text, place.start, place.end):
            start, end = match.span()
            if not any(a < start - 1 or end + 1 < b for a, b in kept if a < end and start < b):
                yield Span(start, end)


def is_english(name: str) -> bool:
    """Could be a word of the sentence, not the parameter: ``number``, but not ``n`` or ``lst``."""
    return name.isalpha() and name.islower() and len(name) > 2 and name not in _ABBREVIATED


def _lines(text: str, part: Span) -> Iterator[Span]:
    start = part.start
    for line in text[part.start : part.end].split("\n"):
        yield Span(start, start + len(line))
        start += len(line) + 1


def _with_keywords(problem: Problem, names: dict[str, str]) -> str:
    """The test with the keywords renamed by which it calls the function."""
    if not any(re.search(rf"\b{name}\s*=", problem.test) for name in names):
        return problem.test
    test = Source(changed(problem, prompt="", canonical_solution=problem.test))
    edits = [
        Edit(Span(start, start + len(keyword.arg)), names[keyword.arg])
        for node in ast.walk(test.tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in ("candidate", problem.entry_point)
        for keyword in node.keywords
        if keyword.arg in names
        for start in [test.span(keyword).start]
    ]
    return test.edited(edits).canonical_solution
