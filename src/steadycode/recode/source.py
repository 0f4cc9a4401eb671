"""A program as text with positions: where its target function, docstring and tokens are.

A rule edits some characters of a program and leaves all others as they are. Printing a changed
syntax tree would lose comments and layout, and a model reads those too.
"""

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from steadycode.errors import DataError
from steadycode.problems import Problem

Function = ast.FunctionDef | ast.AsyncFunctionDef
Positioned = ast.stmt | ast.expr | ast.arg | ast.keyword
"""The syntax nodes whose place in the text is asked for."""

_REMEMBERED = 16  # programs: a problem's variants are made one after the other


@dataclass(frozen=True, slots=True)
class Span:
    """The characters of a text from ``start`` up to, but not including, ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Puts ``text`` in the place of the characters of ``span``; where that is empty, inserts it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token of Python. ``kind`` is its number in the standard module ``token``."""

    kind: int
    text: str
    span: Span


@dataclass(frozen=True)
class Source:
    """A problem's whole program, ``prompt + canonical_solution``.

    A model is shown what stands before ``cut`` and is to write the rest. All that needs the syntax
    raises DataError when the program is not Python or does not define the entry point.
    """

    problem: Problem

    @cached_property
    def text(self) -> str:
        return self.problem.prompt + self.problem.canonical_solution

    @property
    def cut(self) -> int:
        return len(self.problem.prompt)

    @cached_property
    def tree(self) -> ast.Module:
        if re.search("\r(?!\n)", self.text):  # ends a line for the parser, not for the tokenizer
            raise DataError(f"{self.problem.task_id}: lines end in \\r alone; end them in \\n")
        try:
            return _parsed(self.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise DataError(
                f"{self.problem.task_id}: prompt and canonical_solution together are not"
                f" valid Python ({error}); mend the problem"
            ) from error

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        assert self.tree  # what parses can be tokenized
        return _tokens(self.text)

    @cached_property
    def target(self) -> Function:
        """The last definition of the entry point at the top level: the one that is called."""
        name = self.problem.entry_point
        for node in reversed(self.tree.body):
            if isinstance(node, Function) and node.name == name:
                return node
        raise DataError(f"{self.problem.task_id}: the program defines no function {name!r}")

    @cached_property
    def docstring(self) -> Span | None:
        """The string, with its quotes, that the target begins with, or None.

        Imports may stand before it, as some published problems have them there.
        """
        for statement in self.target.body:
            match statement:
                case ast.Import() | ast.ImportFrom():
                    continue
                case ast.Expr(value=ast.Constant(value=str())):
                    return self.span(statement.value)
            return None
        return None

    @cached_property
    def body_start(self) -> int:
        """Where the line after the docstring (or, without one, after the header) begins."""
        if self.docstring:
            return self.next_line(self.docstring.end)
        return self.line_start(self.span(self.target.body[0]).start)

    @cached_property
    def body_indent(self) -> str:
        """The blanks that the line with the target's first statement begins with."""
        return self.indentation(self.span(self.target.body[0]).start)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every identifier of the code, outside strings and comments."""
        return frozenset(
            token.text
            for token in self.tokens
            if token.kind == tokenize.NAME and not keyword.iskeyword(token.text)
        )

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line begins and, last, where the text ends."""
        return _line_starts(self.text)

    def line_start(self, offset: int) -> int:
        """Returns where the line of ``offset`` begins."""
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Returns where the line of ``offset`` ends, its line break not counted."""
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end

    def next_line(self, offset: int) -> int:
        """Returns where the line after that of ``offset`` begins, or the end of the text."""
        return min(self.line_end(offset) + 1, len(self.text))

    def indentation(self, offset: int) -> str:
        """Returns the blanks that the line of ``offset`` begins with."""
        start = self.line_start(offset)
        line = self.text[start : self.line_end(start)]
        return line[: len(line) - len(line.lstrip())]

    def begins_line(self, offset: int) -> bool:
        """Says whether nothing but blanks stands before ``offset`` in its line."""
        return not self.text[self.line_start(offset) : offset].strip()

    def text_of(self, span: Span) -> str:
        """Returns the characters of ``span``."""
        return self.text[span.start : span.end]

    def span(self, node: Positioned) -> Span:
        """Returns the characters that a syntax node covers."""
        assert node.end_lineno is not None  # the parser gives every node an end
        assert node.end_col_offset is not None
        return Span(
            self._offset(node.lineno, node.col_offset),
            self._offset(node.end_lineno, node.end_col_offset),
        )

    def _offset(self, line: int, column: int) -> int:
        """Returns the offset of a position of ast, which counts columns in UTF-8 bytes."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode(errors="ignore"))

    def edited(self, edits: Iterable[Edit]) -> Problem:
        """Returns the problem after non-overlapping edits, cut at the same place of the program.

        What is inserted at the cut, and an edit across it, belong to the prompt.
        """
        ordered = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end))
        shown = [e for e in ordered if e.span.start < self.cut or e.span.end <= self.cut]
        border = max([self.cut, *(edit.span.end for edit in shown)])
        return changed(
            self.problem,
            prompt=self._edited(Span(0, border), shown),
            canonical_solution=self._edited(Span(border, len(self.text)), ordered[len(shown) :]),
        )

    def _edited(self, part: Span, edits: Sequence[Edit]) -> str:
        """Returns a part of the text after the edits inside it, which are in order."""
        pieces, position = list[str](), part.start
        for edit in edits:
            pieces += [self.text[position : edit.span.start], edit.text]
            position = edit.span.end
        return "".join([*pieces, self.text[position : part.end]])


@lru_cache(maxsize=_REMEMBERED)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@lru_cache(maxsize=_REMEMBERED)
def _tokens(text: str) -> tuple[Token, ...]:
    starts = _line_starts(text)

    def offset(line: int, column: int) -> int:
        return min(starts[min(line, len(starts)) - 1] + column, len(text))

    return tuple(
        Token(token.type, token.string, Span(offset(*token.start), offset(*token.end)))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
    )


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in io.StringIO(text):  # splits as the tokenizer and the parser do
        starts.append(starts[-1] + len(line))
    return starts


def parameters(function: Function) -> list[ast.arg]:
    """Returns the parameters in the order of the signature, those with stars among them."""
    arguments = function.args
    return [
        *arguments.posonlyargs,
        *arguments.args,
        *([arguments.vararg] if arguments.vararg else []),
        *arguments.kwonlyargs,
        *([arguments.kwarg] if arguments.kwarg else []),
    ]


def changed(problem: Problem, **fields: str) -> Problem:
    """Returns a plain Problem, also of a Variant, with some fields replaced."""
    values = {name: getattr(problem, name) for name in Problem.__slots__}
    return Problem(**{**values, **fields})
