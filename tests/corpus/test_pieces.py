import pytest

from steadycode.corpus.pieces import Piece, cut, decode, parse

FILE = '''\
# -*- coding: utf-8 -*-
"""A module."""
import functools

LIMIT = 3

# about first
# and more
@functools.cache
@other(
    1,
)
def first(x):
    return x  # trailing

# a comment of its own

class Second:
    # inside
    def method(self):
        return "\\x0c"

text = """
# not a comment"""
def third(): pass
async def fourth():
    await x
'''


def test_long_file_is_cut_into_top_level_definitions() -> None:
    assert cut(FILE, module_characters=100) == [
        Piece(
            "function",
            "# about first\n# and more\n@functools.cache\n@other(\n    1,\n)\n"
            "def first(x):\n    return x  # trailing\n",
        ),
        Piece(
            "class",
            'class Second:\n    # inside\n    def method(self):\n        return "\\x0c"\n',
        ),
        Piece("function", "def third(): pass\n"),
        Piece("function", "async def fourth():\n    await x\n"),
    ]


def test_short_file_stays_whole() -> None:
    assert cut(FILE, module_characters=len(FILE)) == [Piece("module", FILE)]


def test_every_piece_parses_alone() -> None:
    pieces = cut(FILE, 100)
    assert pieces
    assert all(parse(piece.content) for piece in pieces)


def test_form_feed_and_line_separator_do_not_shift_lines() -> None:
    source = "x = '\u2028'\n\f\ndef f():\n    return 1\n"
    assert cut(source, 1) == [Piece("function", "def f():\n    return 1\n")]


@pytest.mark.parametrize(
    "source",
    ["def f(:", "\0", "(" * 50_000, "-" * 200_000 + "1", "type X = int", "def f[T](x: T): ..."],
    ids=["syntax", "null byte", "brackets", "nesting", "newer: type", "newer: generics"],
)
def test_not_python_of_the_oldest_supported_version(source: str) -> None:
    assert parse(source) is None
    assert cut(source, 10) is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xef\xbb\xbfx = 1\r\ny = 2\r", "x = 1\ny = 2\n"),
        (b"# coding: latin-1\ns = '\xe9'\n", "# coding: latin-1\ns = 'é'\n"),
        (b"s = '\xe9'\n", None),
        (b"# coding: no-such-codec\n", None),
    ],
)
def test_decode(raw: bytes, text: str | None) -> None:
    assert decode(raw) == text
