"""Lines end where a line feed is, and whatever is wrong with one is told with its place."""

import gzip
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.json_lines import json_lines, text_lines

ODD = "one\u2028still\u0085one\x0cand\x1cmore"


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(f"\ufeff{ODD}\r\n\n  \ntwo".encode())
    assert list(text_lines(path)) == [(f"{path}:1", ODD), (f"{path}:4", "two")]


def test_a_packed_file_is_read_like_another(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n{"a": 2}\n'))
    assert [row["a"] for _, row in json_lines(path)] == [1, 2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"a": 1}\n{"a": }', r":2: not JSON \(Expecting value\); write one object per line"),
        (b"[1]", r":1: not an object; write one object per line"),
        (b"[" * 100_000, r":1: not JSON"),
        (b'{"a": 1}\n\xff', r":2: not UTF-8 text; save the file as UTF-8"),
    ],
)
def test_a_wrong_line_is_told_with_its_place(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path}{told}"):
        list(json_lines(path))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl cannot be read: No such file"):
        list(json_lines(tmp_path / "none.jsonl"))
    broken = tmp_path / "rows.jsonl.gz"
    broken.write_bytes(gzip.compress(b'{"a": 1}\n')[:-5])
    with pytest.raises(DataError, match=r"rows\.jsonl\.gz cannot be read"):
        list(json_lines(broken))
