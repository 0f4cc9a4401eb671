"""The md5 by which DVC names a folder, computed without DVC."""

import hashlib
import json
from pathlib import Path

from steadycode.errors import DataError


def folder_md5(folder: Path) -> str:
    """The md5 that ``dvc add`` writes into ``data.dvc``: ``<32 hex digits>.dir``.

    It is the md5 of the JSON list of (md5, path) over all files, sorted by path. Raises DataError
    when there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; run `steadycode data build`")
    listing = [{"md5": md5, "relpath": path} for path, md5 in file_md5s(folder).items()]
    text = json.dumps(listing, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


def file_md5s(folder: Path) -> dict[str, str]:
    """Relative path -> md5 of every file below ``folder``, sorted by path."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: file_md5(files[name]) for name in sorted(files) if files[name].is_file()}


def file_md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
