"""The folder that programs may write, empty before each of them.

This file imports nothing of steadycode, since the worker, which must stay light, loads it.
"""

import os


class Scratch:
    """One folder for the programs of a worker, one after the other."""

    def __init__(self, path: str) -> None:
        """Make the folder ``path``. Raises OSError when it cannot be made."""
        self.path = path
        self._make()

    def _make(self) -> None:
        os.mkdir(self.path, 0o700)
        made = os.stat(self.path)
        self._times = made.st_atime_ns, made.st_mtime_ns
        self._look = _look(made)

    def clear(self) -> bool:
        """Remove what a program left; return whether the folder looks as when it was made.

        On some file systems the folder of a program that made many files stays large, which the
        next one could read like a number. Such a folder has to be replaced.
        """
        empty(self.path)
        os.utime(self.path, ns=self._times)
        return _look(os.stat(self.path)) == self._look

    def replace(self) -> None:
        """Put a new folder in the place of this one."""
        self.remove()
        self._make()

    def remove(self) -> None:
        """Remove the folder and all that is in it. Raises OSError when it is gone already."""
        empty(self.path)
        os.rmdir(self.path)


def _look(folder: os.stat_result) -> tuple[int, ...]:
    """What a program sees of the folder, its times excepted."""
    return (
        *(folder.st_mode, folder.st_nlink, folder.st_uid, folder.st_gid),
        *(folder.st_size, folder.st_blocks),
    )


def empty(folder: str) -> None:
    """Remove all that is in ``folder``.

    A tree may be closed to its owner, and deeper than Python recurses and than a path may be long,
    so inner folders are moved up before their outer one is removed.
    """
    mark = os.urandom(8).hex()
    count = 0
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            for inner in list(os.scandir(entry.path)):
                if inner.is_dir(follow_symlinks=False):
                    os.chmod(inner.path, 0o700)
                    os.rename(inner.path, f"{folder}/{mark}{count}")
                    count += 1
                else:
                    os.unlink(inner.path)
            os.rmdir(entry.path)
