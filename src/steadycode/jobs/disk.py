"""Faults of the disk as one line: full, over quota, read-only, closed to us, broken."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steadycode.errors import SteadycodeError

_AGAIN = "and run this again; it goes on from the newest checkpoint"
_REMEDIES = {
    errno.ENOSPC: f"free some {_AGAIN}",
    errno.EDQUOT: f"free some of your quota {_AGAIN}",
    errno.EFBIG: f"raise the limit of a file's size (ulimit -f) {_AGAIN}",
    errno.EIO: f"see what the system's log says of the disk {_AGAIN}",
    errno.EROFS: "name a folder that may be written",
    errno.ENOTDIR: "name another folder",
    errno.ENAMETOOLONG: "name another folder",
    errno.EACCES: "make it yours, or name another folder",
    errno.EPERM: "make it yours, or name another folder",
}


@contextmanager
def told_of_disk(what: str, where: Path) -> Iterator[None]:
    """Turn the block's OSError into SteadycodeError when the disk or its permissions are at fault.

    ``what`` is being written (``the events``) in ``where``, which is told unless the error names a
    path itself. Any other OSError is a fault of ours and goes through.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0)
        if remedy is None:
            raise
        place = error.filename if isinstance(error.filename, str) else where
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SteadycodeError(f"no space left for {what} in {where}; {remedy}") from error
        reason = (error.strerror or "it failed").lower()
        raise SteadycodeError(f"{what} cannot be written: {place}: {reason}; {remedy}") from error
