"""Which words of a docstring are prose: neither example, nor code, nor quoted, nor a name."""

import ast
import io
import re
import tokenize

from steadycode.recode.source import Source, Span

_ARROW = re.compile(r"==+>|=+>|-+>|➞|→|==|!=|<=|>=| [=+*/^<>%] ")
_HEADED = re.compile(r"\s*(sample\s+)?(input|output|example|examples|e\.g\.)\b.{0,8}:.*\S", re.I)
_QUOTED = re.compile(r"(?<!\w)(`+|'|\")(?=\S)(.*?)(?<=\S)\1(?!\w)")
_QUOTED_WORD = re.compile(r"['\"](\w+)['\"]")
_BRACKETED = re.compile(r"\[[^\]]*\]?|\{[^}]*\}?|\\.")
_WORD = re.compile(r"(?<!\S)[(]?([^\W\d_]+)[)]?[.,;:!?]*[)]?(?!\S)")
_VALUES = frozenset(("true", "false", "none", "null"))
_TYPE_WORDS = frozenset(
    ("list", "float", "int", "bool", "tuple", "str", "dict", "set", "List", "Tuple", "Dict",
     "Set", "Any", "True", "False", "None", "self", "return")
)  # fmt: skip


def words(source: Source, also: frozenset[str] = frozenset()) -> list[Span]:
    """The prose words of the target's docstring, in order; ``also`` frees words that are kept as
    they are because they may be code."""
    if source.docstring is None or source.docstring.end > source.cut:
        return []
    quoted = _QUOTED_WORD.findall(source.text + source.problem.test)  # values: "Saturn"
    protected = source.names | (_TYPE_WORDS - also) | set(quoted)
    found = []
    for line in prose_lines(source):
        text = source.text[line.start : line.end]
        kept = [match.span() for rule in (_QUOTED, _BRACKETED) for match in rule.finditer(text)]
        for match in _WORD.finditer(text):
            start, end = match.span(1)
            inside = any(a < end and start < b for a, b in kept)
            if not inside and match[1] not in protected and _is_prose(match[1]):
                found.append(Span(line.start + start, line.start + end))
    return found


def _is_prose(word: str) -> bool:
    """Neither a letter, nor capitals (``YES``), nor a value: those are what a program answers."""
    return len(word) > 1 and not word.isupper() and word.lower() not in _VALUES


def prose_lines(source: Source) -> list[Span]:
    """The docstring's lines that are neither doctests nor look like an example or a formula."""
    content = _inside_quotes(source)
    lines, position, in_doctest = [], content.start, False
    for line in source.text[content.start : content.end].splitlines(keepends=True):
        if line.lstrip().startswith(">>>"):
            in_doctest = True
        elif not line.strip():
            in_doctest = False
        if line.strip() and not in_doctest and not _is_example(line, source.problem.entry_point):
            lines.append(Span(position, position + len(line.rstrip("\r\n"))))
        position += len(line)
    return lines


def _inside_quotes(source: Source) -> Span:
    span = source.docstring
    assert span is not None
    opening = re.match(r"[A-Za-z]*('''|\"\"\"|'|\")", source.text[span.start : span.end])
    if opening is None:
        return Span(span.end, span.end)
    return Span(span.start + opening.end(), span.end - len(opening[1]))


def _is_example(line: str, entry_point: str) -> bool:
    text = line.strip()
    if re.search(rf"\b{re.escape(entry_point)}\s*\(", text):
        return True
    return bool(_ARROW.search(f" {text} ") or _HEADED.match(text) or _is_code(text))


def _is_code(text: str) -> bool:
    """Parses as Python and is more than words: a value, a call, an assignment."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return not any(character.isalpha() for character in text) or _is_piece_of_literal(text)
    return not all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Attribute | ast.Tuple)
        and not text.startswith("(") for node in tree.body
    )  # fmt: skip


def _is_piece_of_literal(text: str) -> bool:
    """A line of a literal that goes over several lines, such as ``[1, 2],``."""
    if text[0] not in "[{(" and text[-1] not in "]})":
        return False
    try:
        kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(text).readline)]
    except (tokenize.TokenError, SyntaxError):
        return text[0] in "[{"
    return kinds.count(tokenize.NAME) <= 1
