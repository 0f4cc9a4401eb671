"""Adds up what a running program holds of disk and of shared memory, by looking from outside.

A file counts with its name, and without one as long as something holds it: a descriptor, a map, the
working folder. A size counts once, whatever holds it. The size of a file that is mapped only cannot
be seen without privileges; it counts as the largest that one file may be. This file imports nothing
of steadycode, since the worker loads it.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

_FILES = 4096  # a program with more is stopped at the next look
_SHARED = "/dev/zero (deleted)"  # how the kernel shows an anonymous map that is not private
_BLOCK = 512  # bytes, the unit of st_blocks

SHARED_MAP = 1 << 16
"""The most bytes of one anonymous map that is not private: the filter of system calls refuses
larger ones. The kernel keeps all of it while a page is mapped, and shows only the page."""


class Holdings:
    """What a program may hold: files in its folder, with or without a name, and shared memory."""

    def __init__(self, limits: dict[str, Any], folder: str) -> None:
        self._folder = os.path.realpath(folder)
        self._files_mb, self._memory_mb = limits["files_mb"], limits["memory_mb"]
        self._most = self._files_mb << 20

    def fault(self, pid: int) -> str:
        """What the process ``pid`` holds too much of, in words; empty when it is within bounds."""
        named: dict[int, int] = {}
        return self._in_the_folder(pid, named) or self._without_a_name(pid, named)

    def _in_the_folder(self, pid: int, named: dict[int, int]) -> str:
        """Look through the folder and note each file's size in ``named``, by the file's number."""
        folders, lost, size = [self._folder], list[str](), 0
        for count, entry in enumerate(_walk(folders, lost), start=1):
            with contextlib.suppress(OSError):  # it was removed meanwhile
                file = entry.stat(follow_symlinks=False)
                size += _size(file) - named.get(file.st_ino, 0)
                named[file.st_ino] = _size(file)
            if count > _FILES:
                return f"more than {_FILES} files"
            if size > self._most:
                return f"more than {self._files_mb} MiB in files"
        if lost and _bytes_written(pid) > self._most:
            return f"wrote more than {self._files_mb} MiB, and moves its folders meanwhile"
        return "made a folder that cannot be looked into" if folders else ""

    def _without_a_name(self, pid: int, named: dict[int, int]) -> str:
        tasks = list(_living_tasks(pid))
        mapped, shared = self._mapped(tasks)
        removed = _held(tasks)
        if unheld := mapped - named.keys() - removed.keys():
            unheld &= self._mapped(tasks)[0]  # all the time, and not with a descriptor just then
            removed |= dict.fromkeys(unheld, self._most)
        # one that was removed just now is in both
        if removed and sum({**named, **removed}.values()) > self._most:
            return f"more than {self._files_mb} MiB in files, with those that it removed"
        if shared and len(shared) * SHARED_MAP + _mapped_bytes(pid) > self._memory_mb << 20:
            return f"more than {self._memory_mb} MiB, with memory that could be shared"
        return ""

    def _mapped(self, tasks: list[str]) -> tuple[set[int], set[int]]:
        """The numbers of the removed files that are mapped, and of shared pieces of memory."""
        files, shared = set[int](), set[int]()
        for line in _proc(tasks[0], "maps").splitlines() if tasks else []:
            if line.endswith(" (deleted)"):
                *_, inode, path = line.split(None, 5)
                if path == _SHARED:
                    shared.add(int(inode))
                elif path.startswith(f"{self._folder}/"):  # not a library that was upgraded
                    files.add(int(inode))
        return files, shared


def blindness(pid: int) -> dict[str, str]:
    """Why what the process ``pid`` holds cannot be looked at; empty when it can."""
    if sys.platform != "linux":
        return {}
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return {"watch": "/proc shows the processes of another namespace"}
        os.listdir(f"/proc/{pid}/task/{pid}/fd")
        with open(f"/proc/{pid}/maps", "rb") as maps, open(f"/proc/{pid}/schedstat", "rb") as times:
            maps.read(1), times.read(1)
    except OSError as error:
        return {"watch": f"{error.filename}: {error.strerror}; what a program holds is seen there"}
    return {}


def _held(tasks: list[str]) -> dict[int, int]:
    """The sizes, by number, of the files without a name that the threads hold open or work in."""
    sizes: dict[int, int] = {}
    for task in tasks:  # all of them: should a thread have descriptors of its own, they count
        paths = [f"/proc/{task}/cwd"]
        with contextlib.suppress(OSError):  # it has ended
            paths += [entry.path for entry in os.scandir(f"/proc/{task}/fd")]
        for path in paths:
            with contextlib.suppress(OSError):
                file = os.stat(path)
                if not file.st_nlink:
                    sizes[file.st_ino] = _size(file)
    return sizes


def _size(file: os.stat_result) -> int:
    """What a file takes: its length, or its blocks where these are more (a removed folder's)."""
    return max(file.st_size, file.st_blocks * _BLOCK)


def _living_tasks(pid: int) -> Iterator[str]:
    """The folders below /proc of threads that can be looked into; the first may have left."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            task = f"{pid}/task/{thread}"
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{task}/cwd"):  # one that has left has none
                    yield task


def _mapped_bytes(pid: int) -> int:
    """The size of the address space, which is what the limit of memory counts."""
    return int((_proc(pid, "statm") or "0").split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _bytes_written(pid: int) -> int:
    """How many bytes the process has written to files and pipes, by calls or mapped pages."""
    fields = dict(line.split(": ") for line in _proc(pid, "io").splitlines())
    return max(int(fields.get("wchar", 0)), int(fields.get("write_bytes", 0)))


def _proc(pid: int | str, name: str) -> str:
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _walk(folders: list[str], lost: list[str]) -> Iterator[os.DirEntry[str]]:
    """Yield every entry below ``folders``, without recursion. A folder that cannot be read is left
    in ``folders``, and one that is not where it was a moment ago is added to ``lost``."""
    closed = []
    while folders:
        folder = folders.pop()
        try:
            for entry in os.scandir(folder):
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):  # removed or moved meanwhile
            lost.append(folder)
        except OSError:  # closed, or beneath a longer path than there may be
            closed.append(folder)
    folders += closed
