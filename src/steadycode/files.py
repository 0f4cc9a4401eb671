"""Atomic writes and content hashes: what every file and folder that we leave behind is made with.

Something takes its place when it is whole, and what was there is there until then: after a fault
there is nothing else, after a kill a name that ``temporaries`` knows.
"""

import ctypes
import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from steadycode.temporaries import temporary, temporary_name

_OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
_NO_SWAP = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Yield a name beside ``path`` that nothing has; what is there at the end is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = temporary_name(path)
    try:
        yield aside
    finally:
        _discard(aside)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name beside ``path``; the file that the block writes there takes its place, but only
    if the block succeeds."""
    with temporary_beside(path) as new:
        yield new
        new.chmod(0o644)
        new.replace(path)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that takes its place, but only if the block succeeds.

    Everybody may read what is in it then: some libraries write for the owner alone.
    """
    with temporary_beside(path) as new:
        new.mkdir()
        yield new
        for inside in (new, *new.rglob("*")):
            inside.chmod(0o755 if inside.is_dir() else 0o644)
        take_place(new, path)


def take_place(new: Path, path: Path) -> None:
    """Let the folder ``new``, which lies beside ``path``, be ``path``; what was there is removed.

    One step, so that a kill leaves the one or the other. Where the system can't do that there are
    two, and a kill between them leaves what was there under a name from which ``remove`` puts
    it back.
    """
    try:
        new.rename(path)  # where nothing is, or an empty folder
        return
    except OSError as error:
        if error.errno not in _OCCUPIED:
            raise
    if _swap(new, path):
        _discard(new)
        return
    old = temporary_name(path, "old")
    try:
        path.rename(old)
        new.rename(path)
    except BaseException:
        if os.path.lexists(old) and not os.path.lexists(path):
            old.rename(path)
        raise
    _discard(old)


def remove(path: Path) -> None:
    """Remove a file or a folder; nothing is left that looks whole whenever that is interrupted.

    A temporary name is what its dead writer left: what that had moved away goes back instead if
    nothing has taken its place.
    """
    left = temporary(path)
    if left is not None and left.goes_back:
        path.rename(left.place)
    elif left is not None or not path.is_dir():
        _remove(path)
    else:
        doomed = temporary_name(path)
        path.rename(doomed)
        _remove(doomed)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _discard(path: Path) -> None:
    """What can't be removed stays under its temporary name, which is no fault of the write."""
    with suppress(OSError):
        _remove(path)


def _swap(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system can't."""
    at_cwd, rename_exchange = -100, 2
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # no Linux, or an older C library
        return False
    if rename(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), rename_exchange) == 0:
        return True
    fault = ctypes.get_errno()
    if fault in _NO_SWAP:
        return False
    raise OSError(fault, os.strerror(fault), str(one), None, str(other))


def write_text(path: Path, text: str) -> None:
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8")


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Canonical JSON: sorted keys, so that equal values give equal bytes.

    Strict: a number that is not finite is undefined, and becomes null (see ``records.Measured``).
    """
    return json.dumps(
        plain(value), indent=indent, sort_keys=True, ensure_ascii=False, allow_nan=False
    )


def plain(value: Any) -> Any:
    """A value in the types of strict JSON; a number that is not finite becomes None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def write_json(path: Path, value: Any) -> None:
    write_text(path, to_json(value) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    with replacing(path) as new, new.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            out.write(to_json(row, indent=None) + "\n")


def sha256_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_json(value: Any) -> str:
    """Content hash of a JSON-able value, independent of key order."""
    return sha256_text(to_json(value, indent=None))


def sha256_folder(folder: Path, pattern: str = "**/*") -> dict[str, str]:
    """Relative path -> sha256 for every file below ``folder``, in path order."""
    files = sorted(path for path in folder.glob(pattern) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
