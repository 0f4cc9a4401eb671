"""Perturbations of the layout alone: the program that is parsed stays the same."""

import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations.prose import content, described
from steadycode.recode.source import Edit, Source, Span, Token, changed
from steadycode.recode.variant import Perturbation, Plugged

_NEW_LINE_RATE = 0.5
_LAYOUT = frozenset(
    (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
)


def _new_line_after_code(problem: Problem, random: Random) -> Problem:
    """An empty line where the model is to go on, unless that is inside a line or a string."""
    source = Source(problem)
    inside = any(token.span.start < source.cut < token.span.end for token in source.tokens)
    if inside or not problem.prompt.endswith("\n") or problem.prompt.endswith("\\\n"):
        return problem
    return changed(problem, prompt=problem.prompt + "\n")


def _new_line_after_docstring(problem: Problem, random: Random) -> Problem:
    source = Source(problem)
    if source.docstring is None or source.body_start > source.cut:
        return problem
    return source.edited([Edit(Span(source.body_start, source.body_start), "\n")])


def _new_lines(problem: Problem, random: Random) -> Problem:
    """Empty lines between the given lines of the body, and one at least."""
    source = Source(problem)
    first = source.docstring.end if source.docstring else source.body_start
    ends = [
        token.span.end
        for token in source.tokens
        if token.kind in (tokenize.NEWLINE, tokenize.NL) and token.text == "\n"
        and first <= token.span.start and token.span.end <= source.cut
    ]  # fmt: skip
    if not ends:
        return problem
    chosen = [end for end in ends if random.random() < _NEW_LINE_RATE] or [random.choice(ends)]
    return source.edited(Edit(Span(end, end), "\n") for end in chosen)


def _docstring_to_comments(problem: Problem, random: Random) -> Problem:
    """Every line of the docstring becomes a comment at the docstring's indentation."""
    source = Source(problem)
    found = comment_lines(source)
    if found is None:
        return problem
    block, lines = found
    indent = source.indentation(block.start)
    return source.edited([Edit(block, "".join(f"{indent}{line}\n" for line in lines))])


def comment_lines(source: Source) -> tuple[Span, list[str]] | None:
    """The lines that a given docstring takes, and comments, not indented, that say the same.

    None where there is no such docstring, or where it shares a line with code.
    """
    span = source.docstring
    if span is None or not described(source):
        return None
    if not source.begins_line(span.start) or source.text[span.end : source.body_start].strip():
        return None
    if source.body_start > source.cut:
        return None
    indent = source.indentation(span.start)
    inside = content(source)
    first, *rest = source.text[inside.start : inside.end].split("\n")
    lines = [first.removeprefix(" "), *(line.removeprefix(indent) for line in rest)]
    if not lines[0].strip():
        lines = lines[1:]
    if lines and not lines[-1].strip():
        lines = lines[:-1]
    block = Span(source.line_start(span.start), source.body_start)
    return block, [f"# {line}" if line.strip() else "#" for line in lines]


def _tabs(problem: Problem, random: Random) -> Problem:
    """One level of indentation becomes a tab (or four spaces where it was tabs)."""
    source = Source(problem)
    unit = source.indentation(source.span(source.target.body[0]).start)
    if not unit:
        return problem
    new = "    " if "\t" in unit else "\t"
    unit = "\t" if "\t" in unit else unit
    frozen = [t.span for t in source.tokens if t.kind == tokenize.STRING and "\n" in t.text
              and t.span != source.docstring]  # fmt: skip
    depths = _depths(source)
    edits = []
    for start in _line_starts(source.text):
        if start in depths:  # units do not do where blocks are indented unevenly
            blanks = re.compile(r"\f*([ \t]*)").match(source.text, start)
            if blanks:
                edits.append(Edit(Span(*blanks.span(1)), new * depths[start]))
            continue
        blanks = re.compile(rf"\f*((?:{re.escape(unit)})+)(?=[^\n])").match(source.text, start)
        if blanks and not any(span.start < start <= span.end for span in frozen):
            text = new * (len(blanks[1]) // len(unit))
            edits.append(Edit(Span(*blanks.span(1)), text))
    return source.edited(edits)


def _depths(source: Source) -> dict[int, int]:
    """Start of each line that begins a statement -> how many blocks it is in."""
    depths, depth, fresh = {}, 0, True
    for token in source.tokens:
        depth += (token.kind == tokenize.INDENT) - (token.kind == tokenize.DEDENT)
        if token.kind == tokenize.NEWLINE:
            fresh = True
        elif fresh and token.kind not in (*_LAYOUT, tokenize.COMMENT):
            depths[source.line_start(token.span.start)] = depth
            fresh = False
    return depths


def _line_starts(text: str) -> Iterator[int]:
    yield 0
    yield from (match.end() for match in re.finditer("\n", text))


def _split_lines(problem: Problem, random: Random) -> Problem:
    """The longest given line that can be split goes on, after a backslash, on the next."""
    source = Source(problem)
    best: tuple[int, int, list[Token]] | None = None
    for line in _code_lines(source):
        length = line[-1].span.end - line[0].span.start
        if best is None or length > best[0]:
            best = (length, _middle_gap(source, line), line)
    if best is None:
        return problem
    _, gap, line = best
    gap_end = gap + len(source.text[gap:]) - len(source.text[gap:].lstrip(" \t"))
    unit = source.indentation(source.span(source.target.body[0]).start)
    indent = source.indentation(line[0].span.start)
    return source.edited([Edit(Span(gap, gap_end), f" \\\n{indent}{unit}")])


def _code_lines(source: Source) -> Iterator[list[Token]]:
    """Tokens of each given line of the body: no comment, nothing that spans lines, two words."""
    lines: dict[int, list[Token]] = {}
    blocked = set()
    for token in source.tokens:
        if token.span.start < source.body_start or token.span.end > source.cut:
            continue
        start = source.line_start(token.span.start)
        if token.kind == tokenize.COMMENT or "\n" in token.text.rstrip("\n"):
            blocked |= {start, source.line_start(token.span.end)}
        elif token.kind not in _LAYOUT:
            lines.setdefault(start, []).append(token)
    for start, tokens in lines.items():
        whole = source.text.find("\n", start) < source.cut
        if start not in blocked and whole and _gaps(tokens):
            yield tokens


def _gaps(tokens: list[Token]) -> list[int]:
    """Ends of the tokens that a blank follows."""
    return [a.span.end for a, b in pairwise(tokens) if a.span.end < b.span.start]


def _middle_gap(source: Source, tokens: list[Token]) -> int:
    middle = (tokens[0].span.start + tokens[-1].span.end) / 2
    return min(_gaps(tokens), key=lambda gap: abs(gap - middle))


RANDOM: dict[str, Perturbation] = {"new_lines": _new_lines}
FIXED: dict[str, Perturbation] = {
    "new_line_afterdoc": _new_line_after_docstring,
    "new_line_aftercode": _new_line_after_code,
    "doc2comments": _docstring_to_comments,
    "tab_indent": _tabs,
    "split_lines": _split_lines,
}
PLUGGED: dict[str, tuple[str, Plugged]] = {}
"""Name -> the plug-in that it needs, and its rule."""
