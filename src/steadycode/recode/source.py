"""A program as text with positions: where its target function, docstring and tokens are."""

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from steadycode.errors import DataError
from steadycode.problems import Problem

Function = ast.FunctionDef | ast.AsyncFunctionDef
_REMEMBERED = 16  # programs: a problem's variants are made one after the other


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters of ``span`` with ``text``."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    kind: int
    text: str
    span: Span


@dataclass(frozen=True)
class Source:
    """A problem's whole program: ``prompt + canonical_solution``, cut at ``cut``.

    Raises DataError when it is not Python or does not define the entry point.
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
        """The last top-level definition of the entry point."""
        name = self.problem.entry_point
        for node in reversed(self.tree.body):
            if isinstance(node, Function) and node.name == name:
                return node
        raise DataError(f"{self.problem.task_id}: the program does not define {name!r}")

    @cached_property
    def docstring(self) -> Span | None:
        """The string, with its quotes, that the target begins with; imports may come before."""
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
            line_end = self.text.find("\n", self.docstring.end)
            return len(self.text) if line_end < 0 else line_end + 1
        return self.line_start(self.span(self.target.body[0]).start)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every identifier of the code, outside strings and comments."""
        return identifiers(self.tokens)

    @cached_property
    def _line_starts(self) -> list[int]:
        return _line_starts(self.text)

    def line_start(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1

    def indentation(self, offset: int) -> str:
        """The blanks that the line of ``offset`` begins with."""
        start = self.line_start(offset)
        line = self.text[start:].partition("\n")[0]
        return line[: len(line) - len(line.lstrip())]

    def begins_line(self, offset: int) -> bool:
        return not self.text[self.line_start(offset) : offset].strip()

    def span(self, node: ast.AST) -> Span:
        """Characters of a syntax node; ast counts columns in UTF-8 bytes."""
        return Span(
            self._byte_position(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self._byte_position(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def _byte_position(self, line: int, column: int) -> int:
        start = self._line_starts[line - 1]
        end = self._line_starts[line] if line < len(self._line_starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode(errors="ignore"))

    def edited(self, edits: Iterable[Edit]) -> Problem:
        """The problem after non-overlapping edits, cut at the same place of the program.

        An edit across the cut belongs to the prompt.
        """
        ordered = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end))
        prompt: list[str] = []
        solution: list[str] = []
        position = 0
        for edit in ordered:
            for part, text in self._halves(position, edit.span.start):
                (prompt if part else solution).append(text)
            visible = edit.span.start < self.cut or edit.span.end <= self.cut
            (prompt if visible else solution).append(edit.text)
            position = edit.span.end
        for part, text in self._halves(position, len(self.text)):
            (prompt if part else solution).append(text)
        return changed(self.problem, prompt="".join(prompt), canonical_solution="".join(solution))

    def _halves(self, start: int, end: int) -> list[tuple[bool, str]]:
        middle = min(max(self.cut, start), end)
        return [(True, self.text[start:middle]), (False, self.text[middle:end])]


@lru_cache(maxsize=_REMEMBERED)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@lru_cache(maxsize=_REMEMBERED)
def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(tokenized(text))


def parameters(function: Function) -> list[ast.arg]:
    """In the order of the signature, those with stars too."""
    given = function.args
    return [
        *given.posonlyargs,
        *given.args,
        *([given.vararg] if given.vararg else []),
        *given.kwonlyargs,
        *([given.kwarg] if given.kwarg else []),
    ]


def tokenized(text: str) -> list[Token]:
    """Python's tokens with their characters. Raises what tokenize raises."""
    starts = _line_starts(text)

    def at(line: int, column: int) -> int:
        return min(starts[min(line, len(starts)) - 1] + column, len(text))

    return [
        Token(token.type, token.string, Span(at(*token.start), at(*token.end)))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
    ]


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in io.StringIO(text):  # splits as the tokenizer and the parser do
        starts.append(starts[-1] + len(line))
    return starts


def changed(problem: Problem, **fields: str) -> Problem:
    """A plain Problem with some fields replaced."""
    values = {name: getattr(problem, name) for name in Problem.__slots__}
    return Problem(**{**values, **fields})


def identifiers(tokens: Iterable[Token]) -> frozenset[str]:
    return frozenset(
        token.text
        for token in tokens
        if token.kind == tokenize.NAME and not keyword.iskeyword(token.text)
    )


def partial(problem: Problem) -> Problem:
    """The problem with the first half of the solution's lines moved into the prompt.

    Half is rounded down; blank lines count, and lines are counted from the end of the docstring,
    or from the end of a prompt that shows some of the body already.
    A body of one line has no half: the problem comes back unchanged, which shows as equal
    prompts. ``prompt + canonical_solution`` never changes. Raises DataError as Source does.
    """
    source = Source(problem)
    start = _hidden_start(source)
    lines = list(io.StringIO(source.text[start:]))
    if len(lines) < 2:
        return problem
    cut = start + sum(len(line) for line in lines[: len(lines) // 2])
    return changed(problem, prompt=source.text[:cut], canonical_solution=source.text[cut:])


def _hidden_start(source: Source) -> int:
    starts = (source.span(statement).start for statement in source.target.body)
    first = next((start for start in starts if start >= source.body_start), source.cut)
    if first >= source.cut:
        return source.body_start
    if source.begins_line(source.cut):
        return source.line_start(source.cut)
    end = source.text.find("\n", source.cut)
    return len(source.text) if end < 0 else end + 1
