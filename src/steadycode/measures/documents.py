"""Reads documents: the rows of a JSON-lines file, with text under ``content``."""

import json
from collections.abc import Sequence
from pathlib import Path

from steadycode.errors import DataError


def read_documents(path: Path, limit: int | None = None) -> list[str]:
    """The ``content`` of every row, or of ``limit`` rows spread evenly over the file.

    They are spread because neighbouring rows come from one package. Raises DataError, naming the
    line, when a row holds no text, and when there are no rows.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            documents = [
                _content(line, path, number) for number, line in enumerate(lines, 1) if line.strip()
            ]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the documents in {path}: {error}") from error
    if not documents:
        raise DataError(f"{path} holds no documents; build the data first")
    return documents if limit is None else evenly(documents, limit)


def evenly(documents: Sequence[str], limit: int) -> list[str]:
    """At most ``limit`` documents, at equal distances in the order in which they are given."""
    count = min(limit, len(documents))
    return [documents[i * len(documents) // count] for i in range(count)]


def _content(line: str, path: Path, number: int) -> str:
    try:
        content = json.loads(line)["content"]
        content.encode()  # a lone surrogate has no bytes and no tokens
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}, line {number}: not a JSON object with text under 'content'"
        ) from error
    return str(content)
