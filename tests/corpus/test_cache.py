"""What is removed from DVC's cache, which others may share: only what is proved to be wrong."""

import hashlib
import json
from pathlib import Path

import pytest

from steadycode.corpus import cache


def put(folder: Path, content: bytes, name: str = "", suffix: str = "") -> str:
    md5 = name or hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    path = cache.object_path(folder, md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


@pytest.fixture
def version(tmp_path: Path) -> str:
    row = put(tmp_path, b"a row\n")
    return put(tmp_path, json.dumps([{"md5": row, "relpath": "train.jsonl"}]).encode(), "", ".dir")


def test_what_has_another_content_than_its_name_says_goes(tmp_path: Path, version: str) -> None:
    assert cache.holds(tmp_path, version)
    put(tmp_path, b"[]", version)
    cache.drop_damaged(tmp_path, version)
    assert not cache.object_path(tmp_path, version).exists()


def test_what_cannot_be_read_now_stays(
    tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may belong to somebody else, or its disk may be away for a moment."""

    def refuse(path: Path, *arguments: object, **more: object) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        for reading in ("read_bytes", "open"):
            patch.setattr(Path, reading, refuse)
        cache.drop_damaged(tmp_path, version)
    assert cache.holds(tmp_path, version)
