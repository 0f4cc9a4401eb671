"""Python source text: decoding it, parsing it, and cutting it into its top-level definitions."""

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["module", "function", "class"]

_GRAMMAR = (3, 11)  # the oldest Python that we run on, so that every Python builds the same rows


@dataclass(frozen=True, slots=True)
class Piece:
    kind: Kind
    content: str
    line: int = field(default=1, compare=False)
    """The line of the file on which it begins."""


def decode(raw: bytes) -> str | None:
    """Source text with ``\\n`` line ends and no byte-order mark; None when it is not text."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except (SyntaxError, ValueError, LookupError):  # LookupError: a codec that is not for text
        return None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def parse(source: str) -> ast.Module | None:
    """The syntax tree, or None for what is not Python or nests too deeply."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's code
        try:
            return ast.parse(source, feature_version=_GRAMMAR)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def cut(source: str, module_characters: int) -> list[Piece] | None:
    """One module piece, or the top-level definitions of a file that is longer than that.

    A definition keeps its decorators and the comments directly above it. None when ``source``
    does not parse.
    """
    tree = parse(source)
    if tree is None:
        return None
    if len(source) <= module_characters:
        return [Piece("module", source)]
    return list(_definitions(tree, source.split("\n")))


def first_beside(source: str, pieces: list[Piece]) -> int | None:
    """The first line of code that is in none of the definitions into which ``source`` was cut.

    Comments are no code. None when there is no such line, or the file stayed whole.
    """
    if any(piece.kind == "module" for piece in pieces):
        return None
    inside = {
        line
        for piece in pieces
        for line in range(piece.line, piece.line + piece.content.count("\n"))
    }
    for number, line in enumerate(source.split("\n"), start=1):
        if number not in inside and line.strip() and not line.startswith("#"):
            return number
    return None


def _definitions(tree: ast.Module, lines: list[str]) -> Iterator[Piece]:
    floor = 0  # index of the first line that belongs to no earlier statement
    for node in tree.body:
        end = node.end_lineno or node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            start = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
            while start > floor and lines[start - 1].startswith("#"):
                start -= 1
            kind: Kind = "class" if isinstance(node, ast.ClassDef) else "function"
            yield Piece(kind, "\n".join(lines[start:end]) + "\n", start + 1)
        floor = end
