"""A long line broken where people break lines: after a comma, before a clause or operator."""

import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from steadycode.problems import Problem
from steadycode.recode.source import Edit, Source, Span, Token
from steadycode.recode.variant import Context

_LONG, _LONGER = 40, 60
"""The columns from which on a line may be broken, and before an arithmetic operator. Style guides
allow 79; examples are indented less than what people write at work, and are narrower."""
_GROUP, _PART = 20, 6
"""The fewest characters in brackets that may be broken, and on either side of the break."""
_LAYOUT = frozenset(
    (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_ARITHMETIC = frozenset(("+", "-", "*", "/", "//", "%", "|", "&"))
_NO_OPERAND = frozenset(("=", "(", "[", "{", ",", "return", ":", *_ARITHMETIC))
"""What stands before a sign rather than before an operator."""


@dataclass(frozen=True, slots=True)
class _Break:
    """A gap where a line may be broken; of several, the one with the lowest ``cost`` is taken.

    ``inside`` says whether brackets go round it, so that no backslash is needed.
    """

    gap: Span
    cost: tuple[int, int, float]
    inside: bool


def split_lines(problem: Problem, context: Context) -> Problem:
    """Breaks the longest line of the body that is shown and that a person would break."""
    source = Source(problem)
    for line in sorted(_code_lines(source), key=_width, reverse=True):
        best = min(_breaks(source, line), key=lambda place: place.cost, default=None)
        if best is not None:
            unit = (source.body_indent or "    ") * (2 if line[-1].text == ":" else 1)
            indent = source.indentation(line[0].span.start) + unit
            text = f"\n{indent}" if best.inside else f" \\\n{indent}"
            return source.edited([Edit(best.gap, text)])
    return problem


def _width(line: list[Token]) -> int:
    return line[-1].span.end - line[0].span.start


def _breaks(source: Source, line: list[Token]) -> Iterator[_Break]:
    """Yields where the line can be broken.

    The outermost place is the best; of these one before ``or``, then before ``and``, a clause or
    behind a comma, then before another operator; of equals the one nearest to the middle.
    """
    columns = line[-1].span.end - source.line_start(line[0].span.start)
    groups = [_Group(0, line[0].span.start, line[-1].span.end)]
    for number, (before, token) in enumerate(pairwise(line)):
        if before.text in _OPENING:
            groups.append(_Group(len(groups), before.span.end, _closed(line[number + 1 :])))
        group = groups[-1]
        group.pass_by(before)
        gap = Span(before.span.end, token.span.start)
        rank = group.rank(before, token)
        least = _LONGER if rank == _LAST else _LONG
        if (
            rank is not None
            and columns >= least
            and source.text_of(gap) == " "
            and group.is_divided(gap)
        ):
            middle = (line[0].span.start + line[-1].span.end) / 2
            yield _Break(gap, (group.depth, rank, abs(gap.start - middle)), group.depth > 0)
        if token.text in _CLOSING and len(groups) > 1:
            groups.pop()


def _closed(rest: list[Token]) -> int:
    """Returns where the brackets that are open before ``rest`` are closed."""
    depth = 1
    for token in rest:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if not depth:
            return token.span.start
    return rest[-1].span.end


_LAST = 2


@dataclass(slots=True)
class _Group:
    """What stands in one pair of brackets, or in the line outside all of them."""

    depth: int
    start: int
    end: int
    unpacks: bool = False
    """The last word was ``for``: a comma before ``in`` divides names."""
    computes: bool = False
    """Behind ``lambda``, nothing is broken."""

    def pass_by(self, token: Token) -> None:
        self.unpacks = token.text == "for" or (self.unpacks and token.text != "in")
        self.computes = self.computes or token.text == "lambda"

    def is_divided(self, gap: Span) -> bool:
        """Says whether the group is large, and both of its parts have some length."""
        parts = (gap.start - self.start, self.end - gap.end)
        return min(parts) >= _PART and (not self.depth or self.end - self.start >= _GROUP)

    def rank(self, before: Token, token: Token) -> int | None:
        """Returns how well the group can be broken between two tokens, 0 best; None: not at all."""
        if self.computes or self.unpacks:
            return None
        if token.text == "or":
            return 0
        if token.text == "and":
            return 1
        if self.depth and (before.text == "," or token.text in ("for", "if")):
            return 1
        if self.depth < 2 and token.text in _ARITHMETIC and before.text not in _NO_OPERAND:
            return _LAST
        return None


def _code_lines(source: Source) -> Iterator[list[Token]]:
    """Yields the tokens of each shown line of the body that is one statement or one header.

    Lines with a comment are left out, and statements that go over several lines.
    """
    line: list[Token] = []
    for token in source.tokens:
        if token.span.start < source.body_start or token.span.end > source.cut:
            continue
        if token.kind == tokenize.NEWLINE:
            if line and _is_simple(source, line):
                yield line
            line = []
        elif token.kind == tokenize.COMMENT or token.kind not in _LAYOUT:
            line.append(token)


def _is_simple(source: Source, line: list[Token]) -> bool:
    text = source.text[line[0].span.start : line[-1].span.end]
    if "\n" in text or any(token.kind == tokenize.COMMENT for token in line):
        return False
    depth = 0
    for token in line[:-1]:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if not depth and token.text in (":", ";"):  # a statement behind a header, or two
            return False
    return True
