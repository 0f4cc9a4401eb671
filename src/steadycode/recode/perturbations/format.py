"""Perturbations of the layout alone: the program that is parsed stays the same."""

import re
import tokenize

from steadycode.problems import Problem
from steadycode.recode.perturbations.prose import described, docstring_lines
from steadycode.recode.source import Edit, Source, Span, changed
from steadycode.recode.variant import Context

_NEW_LINE_RATE = 0.5
_LAYOUT = frozenset(
    (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
)


def new_line_after_code(problem: Problem, context: Context) -> Problem:
    """Adds an empty line where the model is to go on, unless that is inside a line or a string."""
    source = Source(problem)
    inside = any(token.span.start < source.cut < token.span.end for token in source.tokens)
    if inside or not problem.prompt.endswith("\n") or problem.prompt.endswith("\\\n"):
        return problem
    return changed(problem, prompt=problem.prompt + "\n")


def new_line_after_docstring(problem: Problem, context: Context) -> Problem:
    """Adds an empty line after the docstring."""
    source = Source(problem)
    if source.docstring is None or source.body_start > source.cut:
        return problem
    return source.edited([Edit(Span(source.body_start, source.body_start), "\n")])


def new_lines(problem: Problem, context: Context) -> Problem:
    """Adds empty lines, one at least, between the lines of the body that are shown."""
    source, random = Source(problem), context.random
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


def docstring_to_comments(problem: Problem, context: Context) -> Problem:
    """Makes every line of the docstring a comment at the docstring's indentation."""
    source = Source(problem)
    commented = comment_lines(source)
    if commented is None:
        return problem
    block, lines = commented
    indent = source.indentation(block.start)
    return source.edited([Edit(block, "".join(f"{indent}{line}\n" for line in lines))])


def comment_lines(source: Source) -> tuple[Span, list[str]] | None:
    """Returns the lines of the docstring, and comments, not indented, that say the same.

    It returns None without a docstring that is shown, and for one that shares a line with code.
    """
    span = source.docstring
    if span is None or not described(source):
        return None
    if not source.begins_line(span.start) or source.text[span.end : source.body_start].strip():
        return None
    if source.body_start > source.cut:
        return None
    indent = source.indentation(span.start)
    first, *rest = (source.text_of(line) for line in docstring_lines(source))
    lines = [first.removeprefix(" "), *(line.removeprefix(indent) for line in rest)]
    if not lines[0].strip():
        lines = lines[1:]
    if lines and not lines[-1].strip():
        lines = lines[:-1]
    block = Span(source.line_start(span.start), source.body_start)
    return block, [f"# {line}" if line.strip() else "#" for line in lines]


def tabs(problem: Problem, context: Context) -> Problem:
    """Makes each level of indentation a tab, or four spaces where it is a tab already.

    A line that begins a statement gets as many as it has blocks round it, since blocks may be
    indented unevenly. Any other line, such as the rest of a long call, gets one for each level that
    its blanks make up; strings over several lines keep their blanks.
    """
    source = Source(problem)
    unit = source.body_indent
    if not unit:
        return problem
    new = "    " if "\t" in unit else "\t"
    unit = "\t" if "\t" in unit else unit
    strings = [t.span for t in source.tokens if t.kind == tokenize.STRING and "\n" in t.text
               and t.span != source.docstring]  # fmt: skip
    depths = _depths(source)
    any_blanks = re.compile(r"\f*([ \t]*)")
    whole_units = re.compile(rf"\f*((?:{re.escape(unit)})+)(?=[^\n])")
    edits = []
    for start in source.line_starts:
        blanks = (any_blanks if start in depths else whole_units).match(source.text, start)
        if blanks and not any(span.start < start <= span.end for span in strings):
            depth = depths.get(start, len(blanks[1]) // len(unit))
            edits.append(Edit(Span(*blanks.span(1)), new * depth))
    return source.edited(edits)


def _depths(source: Source) -> dict[int, int]:
    """Returns in how many blocks each line is that begins a statement, by the line's start."""
    depths, depth, fresh = {}, 0, True
    for token in source.tokens:
        depth += (token.kind == tokenize.INDENT) - (token.kind == tokenize.DEDENT)
        if token.kind == tokenize.NEWLINE:
            fresh = True
        elif fresh and token.kind not in (*_LAYOUT, tokenize.COMMENT):
            depths[source.line_start(token.span.start)] = depth
            fresh = False
    return depths
