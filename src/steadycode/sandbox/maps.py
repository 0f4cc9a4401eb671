"""Makes the anonymous memory maps of a program private, which nothing in it can tell apart.

``mmap.mmap(-1, n)`` asks for memory that child processes share, and a program here has none. Of
shared memory the kernel keeps all pages while one of them is mapped, and counts only this one
towards the limit; so the filter of system calls refuses it. This file imports nothing of
steadycode, since the worker loads it.
"""

import mmap
from typing import Any

_BOTH = mmap.PROT_READ | mmap.PROT_WRITE


class _Map(mmap.mmap):
    """``mmap.mmap``, whose anonymous maps are private."""

    __slots__ = ()

    def __new__(
        cls,
        fileno: int,
        length: int,
        flags: int = mmap.MAP_SHARED,
        prot: int = _BOTH,
        access: int = mmap.ACCESS_DEFAULT,
        offset: int = 0,
        **others: Any,
    ) -> "_Map":
        plain = access == mmap.ACCESS_DEFAULT or (flags, prot) == (mmap.MAP_SHARED, _BOTH)
        if fileno == -1 and flags & mmap.MAP_SHARED and plain:
            flags ^= mmap.MAP_SHARED | mmap.MAP_PRIVATE
            if access == mmap.ACCESS_READ:
                prot = mmap.PROT_READ
            access = mmap.ACCESS_DEFAULT
        return super().__new__(cls, fileno, length, flags, prot, access, offset, **others)


def make_private() -> None:
    """Put the class in the place of ``mmap.mmap``, for this process and all copies of it."""
    _Map.__name__ = _Map.__qualname__ = "mmap"
    _Map.__module__ = "mmap"
    mmap.mmap = _Map  # type: ignore[assignment,misc]
