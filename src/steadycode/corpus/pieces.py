"""Python source text: decoding it, parsing it, and cutting it into its top-level definitions."""

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["module", "function", "class"]

_GRAMMAR = (3, 11)  # the oldest Python that we run on, so that every Python builds the same rows


@dataclass(frozen=True, slots=True)
class Piece:
    kind: Kind
    content: str


def decode(raw: bytes) -> str | None:
    """Source text with ``\\n`` line ends and no byte-order mark; None when it is not text."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except (SyntaxError, UnicodeError):
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


def _definitions(tree: ast.Module, lines: list[str]) -> Iterator[Piece]:
    floor = 0  # index of the first line that belongs to no earlier statement
    for node in tree.body:
        end = node.end_lineno or node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            start = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
            while start > floor and lines[start - 1].startswith("#"):
                start -= 1
            kind: Kind = "class" if isinstance(node, ast.ClassDef) else "function"
            yield Piece(kind, "\n".join(lines[start:end]) + "\n")
        floor = end
