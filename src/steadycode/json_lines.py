"""Text files by the line, and JSON lines, each with its place: ``file:line``.

UTF-8, with or without a byte order mark. Only a line feed ends a line; a carriage return before it
is dropped. Other signs that some readers take for a line's end, such as U+2028, are text.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from steadycode.errors import DataError


def raw_lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every line that is not blank, with its place; a file that ends in ``.gz`` is unpacked.

    The file is read as a stream. Raises DataError when it cannot be read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield f"{path}:{number}", line
    except (OSError, EOFError, zlib.error) as error:
        fault = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read: {fault}; restore the file") from error


def decoded(line: bytes, place: str) -> str:
    """The text of a line. Raises DataError when it is not UTF-8."""
    try:
        return line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: not UTF-8 text; save the file as UTF-8") from error


def json_object(text: str, place: str) -> dict[str, Any]:
    """The object in a line. Raises DataError for anything else."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = getattr(error, "msg", error)
        raise DataError(f"{place}: not JSON ({fault}); write one object per line") from error
    if not isinstance(row, dict):
        raise DataError(f"{place}: not an object; write one object per line")
    return row


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Every line that is not blank as text, with its place. Raises DataError."""
    for place, line in raw_lines(path):
        yield place, decoded(line, place)


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of a file of JSON objects, with its place. Raises DataError."""
    for place, text in text_lines(path):
        yield place, json_object(text, place)
