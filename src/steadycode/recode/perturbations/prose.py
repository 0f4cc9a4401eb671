"""Which words of a docstring are prose: neither example, nor code, nor quoted, nor a name.

Only prose may be reworded. An example that is perturbed states another task, and a program that
answers ``"YES"`` needs just these letters in its docstring.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from steadycode.recode.source import Source, Span

_ARROW = re.compile(r"==+>|=+>|-+>|➞|→|==|!=| = *['\"(\[{\d-]")
_FORMULA = re.compile(r"<=|>=| [=+*/^<>%] ")
_BULLET = re.compile(r"[*+-] +(?=[^\W\d_])")
_HEADED = re.compile(r"\s*(sample\s+)?(input|output|example|examples|e\.g\.)\b.{0,8}:.*\S", re.I)
_KEPT = re.compile(
    r"(?<!\w)(`+|'|\")(?=\S)(?:.*?)(?<=\S)\1(?!\w)"
    r"|(?<!\w)\"(?=\S)[^\"\n]+\n[^\"\n]*\S\"(?!\w)"  # a quotation over two lines
    r"|\[[^\]\n]*(?:\n[^\]\n]*)?\]|\[.*|\{[^}\n]*\}?|\\."
)
_LITERAL = re.compile(r"[A-Za-z]*('''|\"\"\"|'|\")(?:\\.|(?!\1).)*\1", re.S)
_OPENING_QUOTES = re.compile(r"[A-Za-z]*('''|\"\"\"|'|\")")
_QUOTED_WORD = re.compile(r"['\"](\w+)['\"]")
_WORD = re.compile(r"(?<!\S)[(]?([^\W\d_]+)[)]?[.,;:!?]*[)]?(?!\S)")
_SENTENCE = 6
"""A line with a formula is a sentence when it has as many words."""
_VALUES = frozenset(("true", "false", "none", "null"))
_TYPE_WORDS = frozenset(
    ("list", "float", "int", "bool", "tuple", "str", "dict", "set", "List", "Tuple", "Dict",
     "Set", "Any", "True", "False", "None", "self", "return")
)  # fmt: skip


def described(source: Source) -> bool:
    """Says whether the target has a docstring of one literal that the prompt shows as a whole."""
    span = source.docstring
    if span is None or span.end > source.cut:
        return False
    return _LITERAL.fullmatch(source.text, span.start, span.end) is not None


def content(source: Source) -> Span:
    """Returns the docstring without its quotes; there must be one.

    It is empty where the docstring is put in parentheses and so does not begin with quotes.
    """
    span = source.docstring
    assert span is not None
    opening = _OPENING_QUOTES.match(source.text, span.start, span.end)
    if opening is None:
        return Span(span.end, span.end)
    return Span(opening.end(), span.end - len(opening[1]))


def docstring_lines(source: Source) -> list[Span]:
    """Returns all lines of the docstring without their ends; there must be a docstring."""
    inside = content(source)
    starts = [inside.start, *(s for s in source.line_starts if inside.start < s <= inside.end)]
    return [Span(start, min(source.line_end(start), inside.end)) for start in starts]


def prose_lines(source: Source) -> list[Span]:
    """Returns the docstring's lines that are no doctests and look like no example or formula."""
    if source.docstring is None:
        return []
    inside = content(source)
    lines, position, in_doctest = [], inside.start, False
    for line in source.text_of(inside).splitlines(keepends=True):
        if line.lstrip().startswith(">>>"):
            in_doctest = True
        elif not line.strip():
            in_doctest = False
        if line.strip() and not in_doctest and not _is_example(line, source):
            lines.append(Span(position, position + len(line.rstrip("\r\n"))))
        position += len(line)
    return lines


def words(source: Source, also: frozenset[str] = frozenset()) -> list[Span]:
    """Returns the words of prose in the target's docstring, in their order.

    Words that may be code, such as ``list`` or the name of a variable, are left out, but those in
    ``also`` are not.
    """
    quoted = _QUOTED_WORD.findall(source.text + source.problem.test)  # values: "Saturn"
    protected = source.names | (_TYPE_WORDS - also) | set(quoted)
    return [
        Span(*match.span(1))
        for match in matches(source, _WORD)
        if match[1] not in protected and _is_prose(match[1])
    ]


def matches(source: Source, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yields what matches ``pattern`` in the docstring's prose, outside quotes and brackets.

    A pattern may look at the line's end, but not match there.
    """
    if not described(source):
        return
    inside = content(source)
    text = " " * inside.start + source.text_of(inside)  # no quotes round it to look at
    kept = [match.span() for match in _KEPT.finditer(text, inside.start)]
    for line in prose_lines(source):
        for match in pattern.finditer(text, line.start, line.end + 1):
            start, end = match.span()
            if end <= line.end and not any(a < end and start < b for a, b in kept):
                yield match


def is_word(name: str) -> bool:
    """Says whether a name is spelt as a word of a sentence may be: ``add``, ``Add``."""
    return name.isalpha() and (name.islower() or name.istitle())


def _is_prose(word: str) -> bool:
    """Refuses single letters, capitals (``YES``) and values, as a program may answer those."""
    return len(word) > 1 and not word.isupper() and word.lower() not in _VALUES


def _is_example(line: str, source: Source) -> bool:
    text = _BULLET.sub("", line.strip(), count=1)
    if re.search(rf"\b{re.escape(source.problem.entry_point)}\s*\(\s*[^)\s]", text):
        return True
    if _ARROW.search(f" {text} ") or _HEADED.match(text):
        return True
    if _FORMULA.search(f" {text} "):
        return len(_WORD.findall(text)) < _SENTENCE
    return _is_code(text)


def _is_code(text: str) -> bool:
    """Says whether a line is Python and more than words: a value, a call, an assignment."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return not any(character.isalpha() for character in text) or _is_piece_of_literal(text)
    return not all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Attribute | ast.Tuple)
        and not text.startswith("(") for node in tree.body
    )  # fmt: skip


def _is_piece_of_literal(text: str) -> bool:
    """Recognises a line of a literal that goes over several lines, such as ``[1, 2],``."""
    if text[0] not in "[{(" and text[-1] not in "]})":
        return False
    try:
        kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(text).readline)]
    except (tokenize.TokenError, SyntaxError):
        return text[0] in "[{"
    return kinds.count(tokenize.NAME) <= 1
