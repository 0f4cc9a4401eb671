"""Counts the rows that one version of the corpus has and another has not."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steadycode.corpus.recipe import SPLITS, SplitName
from steadycode.errors import DataError
from steadycode.json_lines import decoded, json_object, raw_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChanges:
    """How one split has changed. ``added`` and ``removed`` count rows; they are None when the
    earlier version is not at hand."""

    rows: int
    added: int | None
    removed: int | None


def row_changes(
    before: Mapping[SplitName, Path] | None, folder: Path
) -> dict[SplitName, RowChanges]:
    """How each split has changed from the files ``before`` to those in ``folder``.

    Rows are compared by their content alone. ``before`` is None when it is not at hand.
    """
    changes: dict[SplitName, RowChanges] = {}
    for split in SPLITS:
        new = _contents(folder / f"{split}.jsonl")
        if before is None:
            changes[split] = RowChanges(rows=len(new), added=None, removed=None)
            continue
        old = _contents(before[split]) if split in before else set()
        changes[split] = RowChanges(rows=len(new), added=len(new - old), removed=len(old - new))
    return changes


def _contents(path: Path) -> set[str]:
    """The hash of each row's content, or of the whole line where a row states none."""
    if not path.is_file():
        return set()
    return {_content(line, place) for place, line in raw_lines(path)}


def _content(line: bytes, place: str) -> str:
    try:
        return str(json_object(decoded(line, place), place)["sha256"])
    except (DataError, KeyError):
        return hashlib.sha256(line).hexdigest()
