"""DVC's cache, read without DVC: what it holds of a version of data/, and what of that is damaged.

The cache keeps each file under its md5, and for each version a JSON list of (md5, path) under the
md5 of that list, with the ending ``.dir``. What has another content than its name says is damaged:
DVC itself goes on to hand it out.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from steadycode.corpus.fingerprint import file_md5


def holds(cache: Path, md5: str) -> bool:
    """Whether the cache holds every file of the version ``md5``, undamaged."""
    files = listing(cache, md5)
    return files is not None and all(
        (path := object_path(cache, file)).is_file() and file_md5(path) == file
        for file in files.values()
    )


def listing(cache: Path, md5: str) -> dict[str, str] | None:
    """Relative path -> md5 of each file of the version ``md5``.

    None when the cache lacks the list, or has a damaged one.
    """
    try:
        text = object_path(cache, md5).read_bytes()
        if f"{hashlib.md5(text, usedforsecurity=False).hexdigest()}.dir" != md5:
            return None
        return {str(item["relpath"]): str(item["md5"]) for item in json.loads(text)}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def drop_damaged(cache: Path, md5: str) -> None:
    """Remove what is damaged of the version ``md5``, so that DVC fetches or makes it again.

    Only what is proved to be wrong goes: its content has another md5 than its name. What cannot be
    read proves nothing.
    """
    files = listing(cache, md5)
    for file in {md5} if files is None else {*files.values()}:
        path = object_path(cache, file)
        with suppress(OSError):
            if path.is_file() and file_md5(path) != file.removesuffix(".dir"):
                _drop(path)


def object_path(cache: Path, md5: str) -> Path:
    return cache / "files/md5" / md5[:2] / md5[2:]


def _drop(path: Path) -> None:
    """What cannot be removed stays, and then the data cannot be had from the cache."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
