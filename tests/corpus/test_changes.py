"""Which rows came and went, whatever the lines are."""

import json
from pathlib import Path

from steadycode.corpus.changes import RowChanges, row_changes
from steadycode.corpus.recipe import SPLITS


def write(folder: Path, lines: list[bytes], end: bytes = b"\n") -> Path:
    folder.mkdir()
    for split in SPLITS:
        (folder / f"{split}.jsonl").write_bytes(b"".join(line + end for line in lines))
    return folder


def test_rows_are_told_apart_by_their_content_or_else_by_their_line(tmp_path: Path) -> None:
    known = json.dumps({"sha256": "a", "content": "one\u2028line"}, ensure_ascii=False).encode()
    odd = [b"not JSON", b"[1]", b"{}", b"\xff", b"[" * 100_000]
    before = write(tmp_path / "before", [known, b'{"sha256": "b"}', *odd])
    after = write(tmp_path / "after", [b'{"content": "other words", "sha256": "a"}', *odd, b"new"])
    files = {split: before / f"{split}.jsonl" for split in SPLITS}
    expected = RowChanges(rows=7, added=1, removed=1)
    assert row_changes(files, after) == dict.fromkeys(SPLITS, expected)
    assert row_changes(None, after)["train"] == RowChanges(rows=7, added=None, removed=None)
