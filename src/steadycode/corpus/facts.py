"""Reads the data files as they are and states, per line, the facts that validation judges.

What is expensive (parsing, hashing) is computed here, once. A fact is None where it does not
apply, for instance whether the content of a broken line parses; checks pass over None.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steadycode.corpus.left_out import printable
from steadycode.corpus.pieces import parse
from steadycode.corpus.recipe import SPLITS
from steadycode.errors import DataError
from steadycode.files import sha256_text
from steadycode.json_lines import decoded, json_object, raw_lines

FIELDS = ("content", "package", "version", "path", "licence", "sha256", "kind")

_CREDENTIAL = re.compile(
    r"AKIA[0-9A-Z]{16}"  # AWS access key
    r"|gh[pousr]_[0-9A-Za-z]{36}"  # GitHub token
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One line of a data file. ``row`` names it: ``train.jsonl:LINE package/path``."""

    row: str
    split: str
    file: tuple[str, str] | None = None
    is_json_object: bool
    has_schema: bool | None = None
    """Every field is there, and is a string or null."""
    has_no_null: bool | None = None
    licence: str | None = None
    characters: int | None = None
    content_sha256: str | None = None
    hash_matches: bool | None = None
    parses: bool | None = None
    has_no_credential: bool | None = None
    in_one_split: bool | None = None


def read_facts(folder: Path) -> list[Facts]:
    """The facts of every line of the three split files; a file that is missing has no lines."""
    facts = [fact for split in SPLITS for fact in _split_facts(folder, split)]
    splits = defaultdict(set)
    for fact in facts:
        splits[fact.file].add(fact.split)
    return [
        replace(fact, in_one_split=len(splits[fact.file]) == 1) if fact.file else fact
        for fact in facts
    ]


def _split_facts(folder: Path, split: str) -> Iterator[Facts]:
    path = folder / f"{split}.jsonl"
    if not path.is_file():
        return
    for place, line in raw_lines(path):
        yield _line_facts(line, split, f"{path.name}:{place.rpartition(':')[2]}")


def _line_facts(line: bytes, split: str, where: str) -> Facts:
    try:
        row = json_object(decoded(line, where), where)
    except DataError:
        return Facts(row=where, split=split, is_json_object=False)
    content, package, path = (_text(row, name) for name in ("content", "package", "path"))
    named = package is not None and path is not None
    digest = None if content is None else sha256_text(content)
    return Facts(
        row=printable(f"{where} {package}/{path}" if named else where),
        split=split,
        file=(package, path) if package is not None and path is not None else None,
        is_json_object=True,
        has_schema=all(name in row and isinstance(row[name], str | None) for name in FIELDS),
        has_no_null=all(row.get(name, "") is not None for name in FIELDS),
        licence=_text(row, "licence"),
        characters=None if content is None else len(content),
        content_sha256=digest,
        hash_matches=None if content is None else row.get("sha256") == digest,
        parses=None if content is None else parse(content) is not None,
        has_no_credential=None if content is None else not _CREDENTIAL.search(content),
    )


def _text(row: dict[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) else None
