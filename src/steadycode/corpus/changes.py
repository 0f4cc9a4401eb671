"""Which rows one version of the corpus has and another has not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steadycode.corpus.recipe import SPLITS, SplitName
from steadycode.files import sha256_text


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChanges:
    """In one split. ``added`` and ``removed`` are None when the earlier version is not at hand."""

    rows: int
    added: int | None
    removed: int | None


def row_changes(
    before: Mapping[SplitName, Path] | None, folder: Path
) -> dict[SplitName, RowChanges]:
    """By the rows' content, from the split files ``before`` to those in ``folder``."""
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
    """What identifies each row: the sha256 of its content, of the line where it has none."""
    if not path.is_file():
        return set()
    with path.open(encoding="utf-8", errors="replace") as lines:
        return {_content(line) for line in lines}


def _content(line: str) -> str:
    try:
        return str(json.loads(line)["sha256"])
    except (ValueError, LookupError, TypeError):
        return sha256_text(line)
