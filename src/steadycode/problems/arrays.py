"""Rows of a text file: its lines, or the elements of the JSON array that the whole file is."""

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path

from steadycode.json_lines import raw_lines

_DECODER = json.JSONDecoder()
_BOM = b"\xef\xbb\xbf"


def rows_of_text(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every row with its place; that of an array's element is the line that it begins in.

    Raises DataError when the file cannot be read.
    """
    rows = raw_lines(path)
    for first in rows:
        both = chain([first], rows)
        if not first[1].removeprefix(_BOM).lstrip().startswith(b"["):
            yield from both
            return
        whole = list(both)
        yield from _elements(whole) or whole


def _elements(rows: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The elements of the array that the lines are together; none when they are anything else."""
    try:
        texts = [line.removeprefix(_BOM).decode() for _, line in rows]
        text = "".join(texts)
        starts = list(_starts(text))
    except (ValueError, RecursionError):  # not UTF-8, or not JSON
        return []
    ends = list(accumulate(map(len, texts)))
    return [(rows[bisect_right(ends, begin)][0], text[begin:end].encode()) for begin, end in starts]


def _starts(text: str) -> Iterator[tuple[int, int]]:
    """Where each element begins and ends. Raises ValueError when the text is no JSON array."""
    place = _after_blanks(text, text.index("[") + 1)
    while text[place : place + 1] != "]":
        _, end = _DECODER.raw_decode(text, place)
        yield place, end
        place = _after_blanks(text, end)
        if text[place : place + 1] == ",":
            place = _after_blanks(text, place + 1)
        elif text[place : place + 1] != "]":
            raise ValueError(f"no comma at {place}")
    if text[place + 1 :].strip():
        raise ValueError("more than an array")


def _after_blanks(text: str, place: int) -> int:
    while text[place : place + 1].isspace():
        place += 1
    return place
