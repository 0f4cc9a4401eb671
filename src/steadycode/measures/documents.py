"""Reads documents: the rows of a JSON-lines file, with text under ``content``."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steadycode.errors import DataError
from steadycode.json_lines import json_lines


def read_documents(path: Path, limit: int | None = None) -> list[str]:
    """The ``content`` of every row, or of ``limit`` rows spread evenly over the file.

    They are spread because neighbouring rows come from one package. Raises DataError, naming the
    line, when a row holds no text, and when there are no rows.
    """
    documents = [_content(row, place) for place, row in json_lines(path)]
    if not documents:
        raise DataError(f"{path} holds no documents; build the data first")
    return documents if limit is None else evenly(documents, limit)


def evenly(documents: Sequence[str], limit: int) -> list[str]:
    """At most ``limit`` documents, at equal distances in the order in which they are given."""
    count = min(limit, len(documents))
    return [documents[i * len(documents) // count] for i in range(count)]


def _content(row: dict[str, Any], place: str) -> str:
    content = row.get("content")
    if not isinstance(content, str) or re.search("[\ud800-\udfff]", content):
        raise DataError(f"{place}: no text under 'content'; write one object per line")
    return content
