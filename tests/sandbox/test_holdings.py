"""What a process holds of disk is counted by size, whatever holds it; here this process itself."""

import ctypes
import mmap
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steadycode.sandbox.holdings import Holdings, blindness

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what it holds is read from /proc")
LIMITS = {"files_mb": 1, "memory_mb": 1}
REMOVED = "more than 1 MiB in files, with those that it removed"
PAGE = 4096


@pytest.fixture
def opened() -> Iterator[list[int]]:
    descriptors: list[int] = []
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)


def remove(path: Path, size: int) -> int:
    """A descriptor of a file of ``size`` bytes that is removed already."""
    path.write_bytes(bytes(size))
    descriptor = os.open(path, os.O_RDWR)
    path.unlink()
    return descriptor


def map_by_c(descriptor: int) -> int:
    """The address of the file's first page; Python's maps would hold a descriptor."""
    call = ctypes.CDLL(None, use_errno=True).mmap
    call.restype = ctypes.c_ssize_t
    address: int = call(None, PAGE, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    assert address != -1
    return address


def test_named_and_removed_files_are_added_up(tmp_path: Path, opened: list[int]) -> None:
    holdings = Holdings(LIMITS, str(tmp_path))
    opened.append(remove(tmp_path / "a", 600 << 10))
    assert holdings.fault(os.getpid()) == ""
    (tmp_path / "b").write_bytes(bytes(600 << 10))
    assert holdings.fault(os.getpid()) == REMOVED


def test_a_file_counts_once(tmp_path: Path, opened: list[int]) -> None:
    opened.append(remove(tmp_path / "a", 600 << 10))
    opened.append(os.dup(opened[0]))
    with mmap.mmap(opened[0], 0):
        assert Holdings(LIMITS, str(tmp_path)).fault(os.getpid()) == ""


def test_a_removed_folder_counts_with_its_blocks(tmp_path: Path, opened: list[int]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    opened.append(os.open(folder, os.O_RDONLY))
    for number in range(200):
        (folder / f"{number:0250}").touch()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    if os.fstat(opened[0]).st_blocks < 80:
        pytest.skip("this file system gives up a folder's blocks, or uses none")
    assert Holdings({"files_mb": 0, "memory_mb": 1}, str(tmp_path)).fault(os.getpid())


@pytest.mark.parametrize("inside", [True, False])
def test_a_file_that_is_mapped_only_counts_as_the_largest_unless_it_is_a_library(
    tmp_path: Path, inside: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    addresses = []
    for name in "ab":
        descriptor = remove((folder if inside else tmp_path) / name, PAGE)
        addresses.append(map_by_c(descriptor))
        os.close(descriptor)
    try:
        assert Holdings(LIMITS, str(folder)).fault(os.getpid()) == (REMOVED if inside else "")
    finally:
        for address in addresses:
            ctypes.CDLL(None).munmap(ctypes.c_void_p(address), PAGE)


def test_a_name_that_looks_removed_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a (deleted)"
    path.write_bytes(bytes(600 << 10))
    descriptor = os.open(path, os.O_RDONLY)
    address = map_by_c(descriptor)
    os.close(descriptor)
    try:
        assert Holdings(LIMITS, str(tmp_path)).fault(os.getpid()) == ""
    finally:
        ctypes.CDLL(None).munmap(ctypes.c_void_p(address), PAGE)


def test_a_process_that_is_gone_cannot_be_looked_at() -> None:
    assert blindness(os.getpid()) == {}
    assert "what a program holds is seen there" in blindness(2**22 + 1)["watch"]
