"""Stands in for what Python does by calls that a program may not make, where the same can be had
otherwise; and tells where it cannot.

A sandbox has no other processes, so locks between processes are locks between threads. A file is
truncated by its descriptor. To give a file the rights that it has is nothing. Nothing here confines
anybody: the kernel refuses the calls themselves. This file imports nothing of steadycode, since the
worker loads it.
"""

import _multiprocessing  # type: ignore[import-not-found]
import contextlib
import os
import stat
import threading
from collections.abc import Callable
from typing import Any

_RECURSIVE = 0
REFUSED = ("chmod", "chown", "lchown", "utime", "setxattr", "removexattr", "mkfifo")
"""The functions of ``os`` that the sandbox refuses to a program, also for its own files."""

refused: list[str] = []
"""Those of them that the program wanted for its own files."""

_realpath = os.path.realpath


class SemLock:
    """What ``_multiprocessing.SemLock`` is, within one process."""

    SEM_VALUE_MAX = _multiprocessing.SemLock.SEM_VALUE_MAX
    handle, name = 0, None

    def __init__(self, kind: int, value: int, maxvalue: int, *_: Any) -> None:
        self.kind, self.maxvalue = kind, maxvalue
        self._value, self._owner, self._held = value, 0, 0
        self._freed = threading.Condition(threading.Lock())

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        me = threading.get_ident()
        with self._freed:
            if self.kind == _RECURSIVE and self._held and self._owner == me:
                self._held += 1
                return True
            if not self._value and not (
                block and self._freed.wait_for(lambda: self._value > 0, timeout)
            ):
                return False
            self._value -= 1
            self._owner, self._held = me, self._held + 1
            return True

    def release(self) -> None:
        with self._freed:
            if self.kind == _RECURSIVE:
                if not self._held or self._owner != threading.get_ident():
                    raise AssertionError("attempt to release recursive lock not owned by thread")
                self._held -= 1
                if self._held:
                    return
            else:
                if self._value >= self.maxvalue:
                    raise ValueError("semaphore or lock released too many times")
                self._held -= 1
            self._value += 1
            self._freed.notify()

    __enter__ = acquire

    def __exit__(self, *_: object) -> None:
        self.release()

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        return self._held > 0 and self._owner == threading.get_ident()

    def _get_value(self) -> int:
        return self._value

    def _is_zero(self) -> bool:
        return self._value == 0

    def _after_fork(self) -> None:
        pass


def install(folder: str) -> None:
    """Put the stand-ins in place, for this process and its copies, whose own files are in
    ``folder``."""
    _multiprocessing.SemLock = SemLock
    os.truncate = _truncate
    for name in REFUSED:
        if hasattr(os, name):
            setattr(os, name, _telling(name, getattr(os, name), folder))


def _truncate(path: Any, length: int) -> None:
    if isinstance(path, int):
        return os.ftruncate(path, length)
    fd = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(fd, length)
    finally:
        os.close(fd)


def _telling(name: str, call: Callable[..., Any], folder: str) -> Callable[..., Any]:
    """``call``, which notes that it was refused to the program for a file in its own folder."""
    own = f"{_realpath(folder)}/"

    def told(path: Any, *on: Any, **options: Any) -> Any:
        try:
            return call(path, *on, **options)
        except PermissionError:
            if not _is_inside(path, own):
                raise
            if name == "chmod" and [stat.S_IMODE(os.stat(path).st_mode)] == [*on]:
                return None  # it has these rights
            refused.append(name)
            raise

    told.__name__ = told.__qualname__ = name
    return told


def _is_inside(path: Any, folder: str) -> bool:
    with contextlib.suppress(OSError, TypeError, ValueError):
        return str(_realpath(os.fspath(path))).startswith(folder)
    return False
